import Kernels

// Tiles row by row of several heights, for the figures in `Tuning`: AVX-512 has the one of 6 rows, AVX2 none of them.

/// Accumulators row by row: each row holds its columns, and a step of k loads all vectors of b before the first row. AVX2's
/// registers don't hold that.
protocol RowOfVectors {
    static var vectors: Int { get }
    init(at pointer: UnsafePointer<Float>)
    mutating func add(_ a: Vector, times b: Self)
    func store(to pointer: UnsafeMutablePointer<Float>)
}

struct LastVector: RowOfVectors {
    var vector: Vector
    @inline(__always) static var vectors: Int { 1 }
    @inline(__always) init(at pointer: UnsafePointer<Float>) { vector = Vector(at: pointer) }
    @inline(__always) mutating func add(_ a: Vector, times b: Self) { vector = vector.plus(a, times: b.vector) }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>) { vector.store(to: pointer) }
}

struct Then<Rest: RowOfVectors>: RowOfVectors {
    var vector: Vector
    var rest: Rest
    @inline(__always) static var vectors: Int { 1 + Rest.vectors }
    @inline(__always) init(at pointer: UnsafePointer<Float>) {
        vector = Vector(at: pointer)
        rest = Rest(at: pointer + Vector.lanes)
    }
    @inline(__always) mutating func add(_ a: Vector, times b: Self) {
        vector = vector.plus(a, times: b.vector)
        rest.add(a, times: b.rest)
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>) {
        vector.store(to: pointer)
        rest.store(to: pointer + Vector.lanes)
    }
}

typealias FourVectors = Then<Then<Then<LastVector>>>

protocol StackOfRows {
    associatedtype Row: RowOfVectors
    static var rows: Int { get }
    init(at pointer: UnsafePointer<Float>, pitch: Int)
    mutating func add(_ a: UnsafePointer<Float>, pitch: Int, times b: Row)
    func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int)
}

struct LastRow<Row: RowOfVectors>: StackOfRows {
    var row: Row
    @inline(__always) static var rows: Int { 1 }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) { row = Row(at: pointer) }
    @inline(__always) mutating func add(_ a: UnsafePointer<Float>, pitch: Int, times b: Row) {
        row.add(Vector(repeating: a.pointee), times: b)
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) { row.store(to: pointer) }
}

struct AboveRows<Rest: StackOfRows>: StackOfRows {
    typealias Row = Rest.Row
    var row: Row
    var rest: Rest
    @inline(__always) static var rows: Int { 1 + Rest.rows }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) {
        row = Row(at: pointer)
        rest = Rest(at: pointer + pitch, pitch: pitch)
    }
    @inline(__always) mutating func add(_ a: UnsafePointer<Float>, pitch: Int, times b: Row) {
        row.add(Vector(repeating: a.pointee), times: b)
        rest.add(a + pitch, pitch: pitch, times: b)
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) {
        row.store(to: pointer)
        rest.store(to: pointer + pitch, pitch: pitch)
    }
}

typealias FiveRows = AboveRows<AboveRows<AboveRows<AboveRows<LastRow<FourVectors>>>>>
typealias ThreeRows = AboveRows<AboveRows<LastRow<FourVectors>>>
/// The most that AVX-512's registers hold; column by column the compiler spilled it.
typealias SixRows = AboveRows<FiveRows>

extension StackOfRows {
    /// result = a · panel for these rows.
    @inline(never)
    static func multiply(
        _ a: UnsafePointer<Float>, pitch: Int, count: Int, _ panel: UnsafePointer<Float>,
        into result: UnsafeMutablePointer<Float>, resultPitch: Int, adding: Bool
    ) {
        let zero = InlineArray<4, Vector>(repeating: .zero)
        withUnsafeBytes(of: zero) { bytes in
            let zeros = bytes.baseAddress!.assumingMemoryBound(to: Float.self)  // an array of four has an address
            var tile = adding ? Self(at: result, pitch: resultPitch) : Self(at: zeros, pitch: 0)
            var b = panel
            for k in 0..<count {
                tile.add(a + k, pitch: pitch, times: Row(at: b))
                b += Row.vectors &* Vector.lanes
            }
            tile.store(to: result, pitch: resultPitch)
        }
    }
}
