// Elementary functions on vectors. NaN inputs give NaN results, so that training can detect them.

extension Vector {
    /// e^x, within 2 ulp for x in [-87.3, 88.7]; x outside this range is clamped to it.
    @inlinable @inline(__always)
    package var exponential: Vector {
        let x = Vector(repeating: 88.7).smaller(Vector(repeating: -87.3).larger(self))
        let parts = PowerOfE(x)
        let y = 1 + parts.fraction  // small terms are added first: one rounding at the result's magnitude
        // 2^128 exceeds Float's range, so n is added to the exponent of y, which is below 1 there.
        let value = unsafeBitCast(unsafeBitCast(y, to: VectorBits.self) &+ parts.exponent, to: Vector.self)
        return value + (x - x)  // adds 0, or NaN for a NaN x, whose low bits have corrupted the exponent
    }

    /// The logistic function σ(x) = 1 / (1 + e^-x), within 2 ulp for x above -87; x below -87.3 is clamped to it.
    ///
    /// With t = e^-|x|: 1 - t / (1 + t), or t (1 - t / (1 + t)) for negative x, so that the quotient's rounding error
    /// is scaled down with the quotient; 1 / (1 + e^-x) would be off by up to 3 ulp.
    @inlinable @inline(__always)
    package var sigmoid: Vector {
        let bits = unsafeBitCast(self, to: VectorBits.self) | VectorBits(repeating: Int32.min)
        let parts = PowerOfE(Vector(repeating: -87.3).larger(unsafeBitCast(bits, to: Vector.self)))
        let power = parts.power
        let t = power.plus(power, times: parts.fraction)
        let base = ifLess(than: .zero, t, else: Vector(repeating: 1))
        return base.plus(-base, times: t / (1 + t))
    }

    /// tanh x = m / (m + 2) with m = e^2|x| - 1, within 2 ulp (2.1 without fused multiply-adds). An odd function bit
    /// for bit, -0 included.
    ///
    /// m = 2^n q + (2^n - 1), where q = e^r - 1 of the reduced argument r, so that small x lose no precision.
    @inlinable @inline(__always)
    package var hyperbolicTangent: Vector {
        let bits = unsafeBitCast(self, to: VectorBits.self)
        let sign = bits & VectorBits(repeating: Int32.min)
        let magnitude = unsafeBitCast(bits & VectorBits(repeating: Int32.max), to: Vector.self)
        // For |x| >= 10 the value is 1.
        let doubled = Vector(repeating: 20).smaller(magnitude + magnitude)
        let parts = PowerOfE(doubled)
        let power = parts.power
        let m = (power - 1).plus(power, times: parts.fraction)
        // One Newton iteration corrects the rounding of m + 2: the residual m - quotient (m + 2) is computed without
        // it.
        let inverse = 1 / (m + 2)
        let quotient = m * inverse
        let residual = m.plus(-quotient, times: m).plus(Vector(repeating: -2), times: quotient)
        let value = quotient.plus(residual, times: inverse)
        return unsafeBitCast(unsafeBitCast(value, to: VectorBits.self) | sign, to: Vector.self)
    }
}

/// e^x as 2^n (1 + q): n = x / ln 2 rounded, q = e^r - 1 of the remainder r, |r| <= ln 2 / 2.
///
/// Cody and Waite's reduction and a polynomial of degree 6 in r: 1 + r + r² p(r), where p minimises the maximum error
/// over the range of r (4e-9, a fourteenth of the error of rounding to Float). n is found by adding 1.5 x 2^23 and
/// shifted into the exponent: both stay in vector registers, where a conversion would go lane by lane.
@frozen @usableFromInline
struct PowerOfE {
    /// q.
    @usableFromInline let fraction: Vector
    /// n, in the bits of a float's exponent.
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
