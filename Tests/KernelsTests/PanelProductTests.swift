import Kernels
import TestSupport
import Testing

/// The product as a plain triple loop, in Double and as a Float chain.
private struct PlainProduct {
    let rows: Int
    let columns: Int
    let inner: Int
    let a: [Float]
    let b: [Float]

    init(_ rows: Int, _ columns: Int, _ inner: Int, _ random: inout SeededRandom) {
        self.rows = rows
        self.columns = columns
        self.inner = inner
        a = random.floats(rows * inner)
        b = random.floats(inner * columns)
    }

    func exact(_ row: Int, _ column: Int) -> Double {
        (0..<inner).reduce(0) { $0 + Double(a[row * inner + $1]) * Double(b[$1 * columns + column]) }
    }

    /// As a tile computes it: one chain over k, with the rounding of the SIMD level's multiply-add.
    func chain(_ row: Int, _ column: Int, from start: Float) -> Float {
        var sum = Vector(repeating: start)
        for k in 0..<inner {
            sum = sum.plus(Vector(repeating: a[row * inner + k]), times: Vector(repeating: b[k * columns + column]))
        }
        return sum[0]
    }

    var panels: [Float] {
        var panels = [Float](repeating: .nan, count: inner * wholeVectors(columns))
        withMemory(of: &panels) { packPanels(from: b, pitch: columns, columns: columns, count: inner, into: $0) }
        return panels
    }
}

/// The memory layouts of a left factor `[rows, inner]`.
private enum Lay: CaseIterable {
    case rows, columns, blocks

    /// `plain.a` in this layout, with NaN in between.
    func factor(_ plain: PlainProduct, _ body: (LeftFactor) -> Void) {
        let (rows, inner) = (plain.rows, plain.inner)
        switch self {
        case .rows:
            let pitch = inner + 3
            var memory = [Float](repeating: .nan, count: rows * pitch + 1)
            for row in 0..<rows { for k in 0..<inner { memory[row * pitch + k] = plain.a[row * inner + k] } }
            withMemory(of: &memory) { body(LeftFactor(rows: $0, pitch: pitch, count: inner)) }
        case .columns:
            let pitch = rows + 2
            var memory = [Float](repeating: .nan, count: inner * pitch + 1)
            for row in 0..<rows { for k in 0..<inner { memory[k * pitch + row] = plain.a[row * inner + k] } }
            withMemory(of: &memory) { body(LeftFactor(columns: $0, pitch: pitch, count: inner)) }
        case .blocks:
            // Two blocks, or one if K is odd.
            let blocks = inner % 2 == 0 ? 2 : 1
            let length = inner / blocks
            let stride = rows * (length + 1) + 5
            var memory = [Float](repeating: .nan, count: blocks * stride + 1)
            for row in 0..<rows {
                for k in 0..<inner {
                    memory[k / max(length, 1) * stride + row * (length + 1) + k % max(length, 1)] =
                        plain.a[row * inner + k]
                }
            }
            withMemory(of: &memory) {
                body(
                    LeftFactor(
                        $0, rowStride: length + 1, step: 1, blockLength: length, blockStride: stride, blocks: blocks))
            }
        }
    }
}

@Suite("Product with panels")
struct PanelProductTests {
    private static let mark: Float = 12345

    private func result(
        _ plain: PlainProduct, _ lay: Lay, start: [Float]?, startRow: [Float]? = nil, rowsAtOnce: Int = 1000
    ) -> [Float] {
        let pitch = plain.columns + 2
        var memory = [Float](repeating: Self.mark, count: plain.rows * pitch + 1)
        for row in 0..<plain.rows {
            for column in 0..<plain.columns {
                memory[row * pitch + column] = start.map { $0[row * plain.columns + column] } ?? .nan
            }
        }
        let panels = plain.panels
        lay.factor(plain) { a in
            withMemory(of: &memory) { to in
                func run(_ how: ProductStart) {
                    multiply(
                        rows: plain.rows, a, panels: panels, columns: plain.columns, start: how,
                        into: ResultRows(to, pitch: pitch), rowsAtOnce: rowsAtOnce)
                }
                guard var startRow else { return run(start == nil ? .zero : .result) }
                withMemory(of: &startRow) { run(.row($0)) }
            }
        }
        for row in 0..<plain.rows {
            #expect(
                memory[row * pitch + plain.columns] == Self.mark
                    && memory[row * pitch + plain.columns + 1] == Self.mark,
                "something was written next to row \(row)")
        }
        return (0..<plain.rows).flatMap { row in (0..<plain.columns).map { memory[row * pitch + $0] } }
    }

    @Test("every element is one chain over k, bit for bit, for all rows, columns and layouts", arguments: 1...13)
    func chains(rows: Int) {
        var random = SeededRandom(UInt64(rows))
        let lanes = Vector.lanes
        for columns in [
            1, 3, lanes, lanes + 1, 2 * lanes, 3 * lanes - 1, 4 * lanes, 5 * lanes, 6 * lanes + 2, 9 * lanes,
        ] {
            for inner in [1, 2, 7, 64] {
                let plain = PlainProduct(rows, columns, inner, &random)
                let begin = random.floats(rows * columns)
                for lay in Lay.allCases {
                    let set = result(plain, lay, start: nil)
                    let added = result(plain, lay, start: begin, rowsAtOnce: 4)
                    for row in 0..<rows {
                        for column in 0..<columns {
                            let index = row * columns + column
                            let what = "[\(rows), \(inner)] x [\(inner), \(columns)] \(lay), (\(row), \(column))"
                            #expect(set[index] == plain.chain(row, column, from: 0), "\(what)")
                            #expect(added[index] == plain.chain(row, column, from: begin[index]), "\(what)")
                        }
                    }
                }
            }
        }
    }

    @Test("a product that starts from a row adds it to every row")
    func startingRow() {
        var random = SeededRandom(3)
        let plain = PlainProduct(7, 4 * Vector.lanes, 5, &random)
        let row = random.floats(plain.columns)
        let found = result(plain, .rows, start: nil, startRow: row)
        for index in 0..<plain.rows {
            for column in 0..<plain.columns {
                #expect(found[index * plain.columns + column] == plain.chain(index, column, from: row[column]))
            }
        }
    }

    @Test("a long product is near that of a plain loop in Double")
    func long() {
        var random = SeededRandom(4)
        let plain = PlainProduct(9, 70, 3000, &random)
        let found = result(plain, .columns, start: nil)
        for row in 0..<plain.rows {
            for column in 0..<plain.columns {
                // 3,000 terms below 1; each addition is rounded to 2^-24 of a sum that stays below about 100.
                #expect(abs(Double(found[row * plain.columns + column]) - plain.exact(row, column)) < 2e-3)
            }
        }
    }

    @Test("a product over blocks of k has the same bits as in one block")
    func blocksOfInner() {
        var random = SeededRandom(5)
        let plain = PlainProduct(6, 4 * Vector.lanes, 50, &random)
        let panels = plain.panels
        var memory = [Float](repeating: .nan, count: plain.rows * plain.columns)
        withMemory(of: &memory) { to in
            for (first, count) in [(0, 13), (13, 1), (14, 36)] {
                plain.a.withUnsafeBufferPointer { a in
                    guard let a = a.baseAddress else { return }
                    multiply(
                        rows: plain.rows, LeftFactor(rows: a + first, pitch: 50, count: count),
                        panel: Array(panels[(first * plain.columns)...]), columns: plain.columns,
                        start: first == 0 ? .zero : .result, into: ResultRows(to, pitch: plain.columns),
                        prefetching: .beside(1))
                }
            }
        }
        for row in 0..<plain.rows {
            for column in 0..<plain.columns {
                #expect(memory[row * plain.columns + column] == plain.chain(row, column, from: 0))
            }
        }
    }

    @Test("prefetching any address changes no element")
    func prefetching() {
        var random = SeededRandom(6)
        let plain = PlainProduct(11, 2 * Vector.lanes, 20, &random)
        let panels = plain.panels
        let elsewhere = UnsafeMutablePointer<Float>.allocate(capacity: 1)
        defer { elsewhere.deallocate() }
        for prefetch: Prefetch in [.result, .beside(1 << 20), .floats(elsewhere, 48), .floats(elsewhere, 160_000)] {
            var memory = [Float](repeating: .nan, count: plain.rows * plain.columns)
            withMemory(of: &memory) {
                multiply(
                    rows: plain.rows, LeftFactor(rows: plain.a, pitch: 20, count: 20), panel: panels,
                    columns: plain.columns, start: .zero, into: ResultRows($0, pitch: plain.columns),
                    prefetching: prefetch)
            }
            for row in 0..<plain.rows {
                #expect(memory[row * plain.columns] == plain.chain(row, 0, from: 0))
            }
        }
    }

    @Test("panels cover the columns in order, at most four vectors each, the last two balanced", arguments: 0...200)
    func panels(columns: Int) {
        let panels = Array(ColumnPanels(of: columns))
        #expect(panels.flatMap { Array($0) } == Array(0..<columns))
        let widths = panels.map { wholeVectors($0.count) / Vector.lanes }
        #expect(widths.allSatisfy { (1...4).contains($0) })
        if widths.count > 1 { #expect(widths.allSatisfy { $0 >= 2 }, "a panel of one vector after others") }
        #expect(panels.dropLast().allSatisfy { $0.count % Vector.lanes == 0 })
    }

    @Test("the pitch of activations is whole vectors and not a multiple of a kilobyte")
    func pitches() {
        for width in 1...2048 {
            let pitch = Tuning.rowPitch(width)
            #expect(pitch >= width && pitch % Vector.lanes == 0 && pitch < width + 32 && pitch % 256 != 0)
        }
    }
}
