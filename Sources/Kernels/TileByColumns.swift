// A tile that processes each k column by column.

/// One vector column of a tile: a vector for each row.
protocol RowStack {
    static var rows: Int { get }
    /// Loads a vector from each row, `pitch` floats apart.
    init(at pointer: UnsafePointer<Float>, pitch: Int)
    /// Broadcasts an element from each row.
    init(repeating pointer: UnsafePointer<Float>, pitch: Int)
    mutating func add(_ a: Self, times b: Vector)
    func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int)
}

struct OneRow: RowStack {
    private var vector: Vector

    @inline(__always) static var rows: Int { 1 }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) { vector = Vector(at: pointer) }
    @inline(__always) init(repeating pointer: UnsafePointer<Float>, pitch: Int) {
        vector = Vector(repeating: pointer.pointee)
    }
    @inline(__always) mutating func add(_ a: OneRow, times b: Vector) { vector = vector.plus(a.vector, times: b) }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) { vector.store(to: pointer) }
}

struct Above<Upper: RowStack, Lower: RowStack>: RowStack {
    private var upper: Upper
    private var lower: Lower

    @inline(__always) static var rows: Int { Upper.rows + Lower.rows }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) {
        upper = Upper(at: pointer, pitch: pitch)
        lower = Lower(at: pointer + Upper.rows &* pitch, pitch: pitch)
    }
    @inline(__always) init(repeating pointer: UnsafePointer<Float>, pitch: Int) {
        upper = Upper(repeating: pointer, pitch: pitch)
        lower = Lower(repeating: pointer + Upper.rows &* pitch, pitch: pitch)
    }
    @inline(__always) mutating func add(_ a: Self, times b: Vector) {
        upper.add(a.upper, times: b)
        lower.add(a.lower, times: b)
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) {
        upper.store(to: pointer, pitch: pitch)
        lower.store(to: pointer + Upper.rows &* pitch, pitch: pitch)
    }
}

typealias Rows1 = OneRow
typealias Rows2 = Above<Rows1, Rows1>
typealias Rows3 = Above<Rows2, Rows1>

/// The vector columns of a tile, from left to right; for each k they are processed one after the other.
protocol Columns {
    associatedtype Column: RowStack
    static var vectors: Int { get }
    init(at pointer: UnsafePointer<Float>, pitch: Int)
    /// Adds the products of one k: the broadcast elements of the rows times the vectors at `b`.
    mutating func add(_ a: Column, times b: UnsafePointer<Float>)
    func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int)
}

struct OneColumn<Column: RowStack>: Columns {
    private var column: Column

    @inline(__always) static var vectors: Int { 1 }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) { column = Column(at: pointer, pitch: pitch) }
    @inline(__always) mutating func add(_ a: Column, times b: UnsafePointer<Float>) {
        column.add(a, times: Vector(at: b))
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) {
        column.store(to: pointer, pitch: pitch)
    }
}

struct Beside<Left: Columns, Right: Columns>: Columns where Left.Column == Right.Column {
    typealias Column = Left.Column
    private var left: Left
    private var right: Right

    @inline(__always) static var vectors: Int { Left.vectors + Right.vectors }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) {
        left = Left(at: pointer, pitch: pitch)
        right = Right(at: pointer + Left.vectors &* Vector.lanes, pitch: pitch)
    }
    @inline(__always) mutating func add(_ a: Column, times b: UnsafePointer<Float>) {
        left.add(a, times: b)
        right.add(a, times: b + Left.vectors &* Vector.lanes)
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) {
        left.store(to: pointer, pitch: pitch)
        right.store(to: pointer + Left.vectors &* Vector.lanes, pitch: pitch)
    }
}

typealias Columns1<Column: RowStack> = OneColumn<Column>
typealias Columns2<Column: RowStack> = Beside<Columns1<Column>, Columns1<Column>>
typealias Columns3<Column: RowStack> = Beside<Columns2<Column>, Columns1<Column>>
typealias Columns4<Column: RowStack> = Beside<Columns2<Column>, Columns2<Column>>

/// The tile made of vector columns.
struct ByColumns<All: Columns>: Tile {
    private var columns: All

    @inline(__always) static var vectors: Int { All.vectors }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) { columns = All(at: pointer, pitch: pitch) }
    @inline(__always) mutating func add(_ a: UnsafePointer<Float>, pitch: Int, times b: UnsafePointer<Float>) {
        columns.add(All.Column(repeating: a, pitch: pitch), times: b)
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) {
        columns.store(to: pointer, pitch: pitch)
    }
}
