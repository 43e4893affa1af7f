// Elementary functions on vectors. A NaN stays a NaN: training must be able to notice it.

extension Vector {
    /// e^x, within 2 ulp for x in [-87.3, 88.7]; below and above that range the value at its end.
    ///
    /// Cody and Waite's reduction to |r| <= ln 2 / 2 and a polynomial of degree 7 in r (coefficients of the Cephes
    /// library's `expf`). The integer part is found by adding 1.5 x 2^23 and is put into the exponent by a shift: both
    /// stay in vector registers, where a conversion would go lane by lane.
    @inlinable @inline(__always)
    package var exponential: Vector {
        let x = Vector(repeating: 88.7).smaller(Vector(repeating: -87.3).larger(self))
        let shift = Vector(repeating: 0x1.8p23)
        let shifted = shift.plus(x, times: Vector(repeating: 1.442_695_04))
        let n = shifted - shift
        let r = x.plus(n, times: Vector(repeating: -0.693_359_375)).plus(n, times: Vector(repeating: 2.121_944_40e-4))
        var p = Vector(repeating: 1.398_199_95e-3).plus(r, times: Vector(repeating: 1.987_569_15e-4))
        p = Vector(repeating: 8.333_451_9e-3).plus(r, times: p)
        p = Vector(repeating: 4.166_579_59e-2).plus(r, times: p)
        p = Vector(repeating: 1.666_666_55e-1).plus(r, times: p)
        p = Vector(repeating: 5.000_000_12e-1).plus(r, times: p)
        let y = 1 + r.plus(r * r, times: p)  // the small terms first: one rounding at the size of the result
        let exponent = unsafeBitCast(shifted, to: VectorBits.self) &<< 23
        let value = unsafeBitCast(unsafeBitCast(y, to: VectorBits.self) &+ exponent, to: Vector.self)
        return value + (x - x)  // adds 0, or NaN: the low bits of one have spoilt the exponent
    }

    /// The logistic function σ(x) = 1 / (1 + e^-x), within 2 ulp for x above -87; below, the value there.
    ///
    /// From t = e^-|x|: 1 - t / (1 + t), or t (1 - t / (1 + t)) for negative x, so that the quotient's rounding counts as
    /// little as the quotient; 1 / (1 + e^-x) would be off by up to 3 ulp.
    @inlinable @inline(__always)
    package var sigmoid: Vector {
        let bits = unsafeBitCast(self, to: VectorBits.self) | VectorBits(repeating: Int32.min)
        let t = unsafeBitCast(bits, to: Vector.self).exponential
        let base = ifLess(than: .zero, t, else: Vector(repeating: 1))
        return base.plus(-base, times: t / (1 + t))
    }

    /// tanh x, within 2 ulp: an odd polynomial below 0.625 (Cephes `tanhf`), 1 - 2 / (e^2x + 1) above. Odd bit for
    /// bit, -0 included.
    @inlinable @inline(__always)
    package var hyperbolicTangent: Vector {
        let bits = unsafeBitCast(self, to: VectorBits.self)
        let sign = bits & VectorBits(repeating: Int32.min)
        let magnitude = unsafeBitCast(bits & VectorBits(repeating: Int32.max), to: Vector.self)
        let z = magnitude * magnitude
        var p = Vector(repeating: 2.063_908_88e-2).plus(z, times: Vector(repeating: -5.704_988_73e-3))
        p = Vector(repeating: -5.373_971_56e-2).plus(z, times: p)
        p = Vector(repeating: 1.333_144_22e-1).plus(z, times: p)
        p = Vector(repeating: -3.333_328_19e-1).plus(z, times: p)
        let small = magnitude.plus(magnitude * z, times: p)
        let large = 1 - 2 / (1 + (magnitude + magnitude).exponential)
        let value = magnitude.ifLess(than: Vector(repeating: 0.625), small, else: large)
        return unsafeBitCast(unsafeBitCast(value, to: VectorBits.self) | sign, to: Vector.self)
    }
}
