// A tile that processes each k row by row.

/// One row of a tile: its vectors from left to right.
protocol RowOfVectors {
    static var vectors: Int { get }
    /// Zeros.
    init()
    init(at pointer: UnsafePointer<Float>)
    mutating func add(_ a: Vector, times b: Self)
    mutating func add(_ pointer: UnsafePointer<Float>)
    func store(to pointer: UnsafeMutablePointer<Float>)
}

struct LastVector: RowOfVectors {
    private(set) var vector: Vector

    @inline(__always) static var vectors: Int { 1 }
    @inline(__always) init() { vector = .zero }
    @inline(__always) init(at pointer: UnsafePointer<Float>) { vector = Vector(at: pointer) }
    @inline(__always) mutating func add(_ a: Vector, times b: Self) { vector = vector.plus(a, times: b.vector) }
    @inline(__always) mutating func add(_ pointer: UnsafePointer<Float>) { vector += Vector(at: pointer) }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>) { vector.store(to: pointer) }
}

struct Then<Rest: RowOfVectors>: RowOfVectors {
    private var vector: Vector
    private var rest: Rest

    @inline(__always) static var vectors: Int { 1 + Rest.vectors }
    @inline(__always) init() {
        vector = .zero
        rest = Rest()
    }
    @inline(__always) init(at pointer: UnsafePointer<Float>) {
        vector = Vector(at: pointer)
        rest = Rest(at: pointer + Vector.lanes)
    }
    @inline(__always) mutating func add(_ a: Vector, times b: Self) {
        vector = vector.plus(a, times: b.vector)
        rest.add(a, times: b.rest)
    }
    @inline(__always) mutating func add(_ pointer: UnsafePointer<Float>) {
        vector += Vector(at: pointer)
        rest.add(pointer + Vector.lanes)
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>) {
        vector.store(to: pointer)
        rest.store(to: pointer + Vector.lanes)
    }
}

typealias Vectors1 = LastVector
typealias Vectors2 = Then<Vectors1>
typealias Vectors3 = Then<Vectors2>
typealias Vectors4 = Then<Vectors3>

/// The rows of a tile, from top to bottom; for each k they are processed one after the other.
protocol RowsOfTile {
    associatedtype Row: RowOfVectors
    /// Zeros.
    init()
    init(at pointer: UnsafePointer<Float>, pitch: Int)
    mutating func add(_ a: UnsafePointer<Float>, pitch: Int, times b: Row)
    /// Adds values in the layout that `store` writes.
    mutating func add(_ pointer: UnsafePointer<Float>, pitch: Int)
    func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int)
}

struct LastRow<Row: RowOfVectors>: RowsOfTile {
    private var row: Row

    @inline(__always) init() { row = Row() }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) { row = Row(at: pointer) }
    @inline(__always) mutating func add(_ a: UnsafePointer<Float>, pitch: Int, times b: Row) {
        row.add(Vector(repeating: a.pointee), times: b)
    }
    @inline(__always) mutating func add(_ pointer: UnsafePointer<Float>, pitch: Int) { row.add(pointer) }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) { row.store(to: pointer) }
}

struct RowAbove<Rest: RowsOfTile>: RowsOfTile {
    typealias Row = Rest.Row
    private var row: Row
    private var rest: Rest

    @inline(__always) init() {
        row = Row()
        rest = Rest()
    }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) {
        row = Row(at: pointer)
        rest = Rest(at: pointer + pitch, pitch: pitch)
    }
    @inline(__always) mutating func add(_ a: UnsafePointer<Float>, pitch: Int, times b: Row) {
        row.add(Vector(repeating: a.pointee), times: b)
        rest.add(a + pitch, pitch: pitch, times: b)
    }
    @inline(__always) mutating func add(_ pointer: UnsafePointer<Float>, pitch: Int) {
        row.add(pointer)
        rest.add(pointer + pitch, pitch: pitch)
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) {
        row.store(to: pointer)
        rest.store(to: pointer + pitch, pitch: pitch)
    }
}

typealias RowsOf1<Row: RowOfVectors> = LastRow<Row>
typealias RowsOf2<Row: RowOfVectors> = RowAbove<RowsOf1<Row>>
typealias RowsOf3<Row: RowOfVectors> = RowAbove<RowsOf2<Row>>
typealias RowsOf4<Row: RowOfVectors> = RowAbove<RowsOf3<Row>>
typealias RowsOf5<Row: RowOfVectors> = RowAbove<RowsOf4<Row>>
typealias RowsOf6<Row: RowOfVectors> = RowAbove<RowsOf5<Row>>
typealias RowsOf7<Row: RowOfVectors> = RowAbove<RowsOf6<Row>>
typealias RowsOf8<Row: RowOfVectors> = RowAbove<RowsOf7<Row>>
typealias RowsOf9<Row: RowOfVectors> = RowAbove<RowsOf8<Row>>
typealias RowsOf10<Row: RowOfVectors> = RowAbove<RowsOf9<Row>>
typealias RowsOf11<Row: RowOfVectors> = RowAbove<RowsOf10<Row>>
typealias RowsOf12<Row: RowOfVectors> = RowAbove<RowsOf11<Row>>

/// The tile made of rows.
struct ByRows<All: RowsOfTile>: Tile {
    private var rows: All

    @inline(__always) static var vectors: Int { All.Row.vectors }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) { rows = All(at: pointer, pitch: pitch) }
    @inline(__always) mutating func add(_ a: UnsafePointer<Float>, pitch: Int, times b: UnsafePointer<Float>) {
        rows.add(a, pitch: pitch, times: All.Row(at: b))
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) {
        rows.store(to: pointer, pitch: pitch)
    }
}
