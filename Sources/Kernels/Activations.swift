// Elementary functions on vectors. A NaN stays a NaN: training must be able to notice it.

extension Vector {
    /// e^x, within 2 ulp for x in [-87.3, 88.7]; below and above that range the value at its end.
    @inlinable @inline(__always)
    package var exponential: Vector {
        let x = Vector(repeating: 88.7).smaller(Vector(repeating: -87.3).larger(self))
        let parts = PowerOfE(x)
        let y = 1 + parts.fraction  // the small terms first: one rounding at the size of the result
        // 2^128 is no Float, so the exponent is added to that of y, which is below 1 there.
        let value = unsafeBitCast(unsafeBitCast(y, to: VectorBits.self) &+ parts.exponent, to: Vector.self)
        return value + (x - x)  // adds 0, or NaN: the low bits of one have spoilt the exponent
    }

    /// The logistic function σ(x) = 1 / (1 + e^-x), within 2 ulp for x above -87; below, the value there.
    ///
    /// From t = e^-|x|: 1 - t / (1 + t), or t (1 - t / (1 + t)) for negative x, so that the quotient's rounding counts as
    /// little as the quotient; 1 / (1 + e^-x) would be off by up to 3 ulp.
    @inlinable @inline(__always)
    package var sigmoid: Vector {
        let bits = unsafeBitCast(self, to: VectorBits.self) | VectorBits(repeating: Int32.min)
        let parts = PowerOfE(Vector(repeating: -87.3).larger(unsafeBitCast(bits, to: Vector.self)))
        let power = parts.power
        let t = power.plus(power, times: parts.fraction)
        let base = ifLess(than: .zero, t, else: Vector(repeating: 1))
        return base.plus(-base, times: t / (1 + t))
    }

    /// tanh x, within 2 ulp (2.1 without fused multiply-adds): with m = e^2|x| - 1, m / (m + 2). Odd bit for bit, -0 included.
    ///
    /// m = 2^n q + (2^n - 1), q being e^r - 1 of the reduced argument, so that small x lose nothing.
    @inlinable @inline(__always)
    package var hyperbolicTangent: Vector {
        let bits = unsafeBitCast(self, to: VectorBits.self)
        let sign = bits & VectorBits(repeating: Int32.min)
        let magnitude = unsafeBitCast(bits & VectorBits(repeating: Int32.max), to: Vector.self)
        // From 10 on the value is 1.
        let doubled = Vector(repeating: 20).smaller(magnitude + magnitude)
        let parts = PowerOfE(doubled)
        let power = parts.power
        let m = (power - 1).plus(power, times: parts.fraction)
        // One step of Newton's takes back what rounding m + 2 has cost: m - quotient (m + 2), computed without it.
        let inverse = 1 / (m + 2)
        let quotient = m * inverse
        let rest = m.plus(-quotient, times: m).plus(Vector(repeating: -2), times: quotient)
        let value = quotient.plus(rest, times: inverse)
        return unsafeBitCast(unsafeBitCast(value, to: VectorBits.self) | sign, to: Vector.self)
    }
}

/// e^x as 2^n (1 + q): n by rounding x / ln 2, q = e^r - 1 of the rest r, |r| <= ln 2 / 2.
///
/// Cody and Waite's reduction and a polynomial of degree 6 in r: 1 + r + r² p(r), p fitted so that the largest error over the
/// rest's range is smallest (4e-9, a fourteenth of what rounding to Float costs). n is found by adding 1.5 x 2^23 and is put
/// into the exponent by a shift: both stay in vector registers, where a conversion would go lane by lane.
@frozen @usableFromInline
struct PowerOfE {
    /// q.
    @usableFromInline let fraction: Vector
    /// n, at the place of a float's exponent.
    @usableFromInline let exponent: VectorBits

    /// 2^n, for n in -126...127.
    @inlinable @inline(__always)
    var power: Vector {
        unsafeBitCast(unsafeBitCast(Vector(repeating: 1), to: VectorBits.self) &+ exponent, to: Vector.self)
    }

    @inlinable @inline(__always)
    init(_ x: Vector) {
        let shift = Vector(repeating: 0x1.8p23)
        let shifted = shift.plus(x, times: Vector(repeating: 1.442_695_04))
        let n = shifted - shift
        let r = x.plus(n, times: Vector(repeating: -0.693_359_375)).plus(n, times: Vector(repeating: 2.121_944_40e-4))
        var p = Vector(repeating: 0x1.123c02p-7).plus(r, times: Vector(repeating: 0x1.6db516p-10))
        p = Vector(repeating: 0x1.55545cp-5).plus(r, times: p)
        p = Vector(repeating: 0x1.55548ep-3).plus(r, times: p)
        p = Vector(repeating: 0.5).plus(r, times: p)
        fraction = r.plus(r * r, times: p)
        exponent = unsafeBitCast(shifted, to: VectorBits.self) &<< 23
    }
}
