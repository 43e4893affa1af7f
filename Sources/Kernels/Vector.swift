public import CVectors  // public: functions that other modules inline call it

#if SIMD_V4
    /// The kernels' vector: as wide as the registers of the SIMD level that the program is built for.
    @usableFromInline package typealias Vector = SIMD16<Float>
    @usableFromInline package typealias VectorBits = SIMD16<Int32>
#else
    /// The kernels' vector: as wide as the registers of the SIMD level that the program is built for.
    @usableFromInline package typealias Vector = SIMD8<Float>
    @usableFromInline package typealias VectorBits = SIMD8<Int32>
#endif

extension Vector {
    /// Number of lanes, as a constant.
    @inlinable @inline(__always)
    package static var lanes: Int { scalarCount }

    /// `self + a * b`: rounded once if the level has FMA, twice on x86 without it (where a single rounding would be a C
    /// library call for each lane).
    @inlinable @inline(__always)
    package func plus(_ a: Vector, times b: Vector) -> Vector {
        #if SIMD_V4
            return multiply_add_16(a, b, self)
        #elseif SIMD_FMA || arch(arm64)
            return multiply_add_8(a, b, self)
        #else
            return self + a * b
        #endif
    }

    /// Lanewise maximum. A NaN in `other` propagates; a NaN in `self` yields `other`.
    ///
    /// This and the next two call C functions, because Swift's `replacing(with:where:)` goes lane by lane until the
    /// last optimisation pass: functions with several of them are too large to be inlined.
    @inlinable @inline(__always)
    package func larger(_ other: Vector) -> Vector {
        #if SIMD_V4
            return larger_16(self, other)
        #else
            return larger_8(self, other)
        #endif
    }

    /// Lanewise minimum. A NaN in `other` propagates; a NaN in `self` yields `other`.
    @inlinable @inline(__always)
    package func smaller(_ other: Vector) -> Vector {
        #if SIMD_V4
            return smaller_16(self, other)
        #else
            return smaller_8(self, other)
        #endif
    }

    /// Lanewise `self < limit ? a : b`.
    @inlinable @inline(__always)
    package func ifLess(than limit: Vector, _ a: Vector, else b: Vector) -> Vector {
        #if SIMD_V4
            return choose_less_16(self, limit, a, b)
        #else
            return choose_less_8(self, limit, a, b)
        #endif
    }

    /// Lanes 0, 2, 4 … of self, then of `other`.
    @inlinable @inline(__always)
    package func evenLanes(_ other: Vector) -> Vector {
        #if SIMD_V4
            return even_lanes_16(self, other)
        #else
            return even_lanes_8(self, other)
        #endif
    }

    /// Lanes 1, 3, 5 … of self, then of `other`.
    @inlinable @inline(__always)
    package func oddLanes(_ other: Vector) -> Vector {
        #if SIMD_V4
            return odd_lanes_16(self, other)
        #else
            return odd_lanes_8(self, other)
        #endif
    }

    /// `lanes` floats from `pointer`, which need not be aligned.
    @inlinable @inline(__always)
    package init(at pointer: UnsafePointer<Float>) {
        self = UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
    }

    /// `count` floats, fewer than `lanes`, from `pointer`; the other lanes are 0.
    @inlinable @inline(__always)
    package init(at pointer: UnsafePointer<Float>, count: Int) {
        self = .zero
        for lane in 0..<count { self[lane] = pointer[lane] }
    }

    @inlinable @inline(__always)
    package func store(to pointer: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: Vector.self)
    }

    /// Stores the first `count` lanes.
    @inlinable @inline(__always)
    package func store(to pointer: UnsafeMutablePointer<Float>, count: Int) {
        for lane in 0..<count { pointer[lane] = self[lane] }
    }
}

/// Loops over `count` elements in whole vectors, then the remaining ones.
///
/// `body` receives the offset and a `VectorSpan` that loads and stores either a whole vector or the remaining lanes, so
/// that every element goes through the same vector arithmetic, whatever its index. `body` is inlined twice.
@inlinable @inline(__always)
package func forEachVector(of count: Int, _ body: (_ offset: Int, _ span: VectorSpan) -> Void) {
    var offset = 0
    while offset + Vector.lanes <= count {
        body(offset, VectorSpan(rest: nil))
        offset += Vector.lanes
    }
    if offset < count { body(offset, VectorSpan(rest: count - offset)) }
}

/// As above, over a range of offsets.
@inlinable @inline(__always)
package func forEachVector(in range: Range<Int>, _ body: (_ offset: Int, _ span: VectorSpan) -> Void) {
    let first = range.lowerBound
    forEachVector(of: range.count) { offset, span in body(first &+ offset, span) }
}

/// A whole vector, or the first `rest` lanes of one.
@frozen @usableFromInline
package struct VectorSpan {
    @usableFromInline package let rest: Int?

    @inlinable @inline(__always)
    init(rest: Int?) { self.rest = rest }

    @inlinable @inline(__always)
    package func load(_ pointer: UnsafePointer<Float>) -> Vector {
        if let rest { Vector(at: pointer, count: rest) } else { Vector(at: pointer) }
    }

    @inlinable @inline(__always)
    package func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
        if let rest { vector.store(to: pointer, count: rest) } else { vector.store(to: pointer) }
    }
}

/// Prefetches the cache line of an address, which need not be readable.
@inlinable @inline(__always)
package func prefetch(_ address: UnsafePointer<Float>) { prefetch_line(address) }
