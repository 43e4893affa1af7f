import Kernels
import TestSupport
import Testing

@Suite("Packing")
struct PackingTests {
    @Test("columns are packed in order, padded with zeros", arguments: [1, 5, 16, 17, 40, 64])
    func columns(count: Int) {
        var random = SeededRandom(UInt64(count))
        let matrix = random.floats(11 * 70)
        let width = wholeVectors(count)
        var panel = [Float](repeating: .nan, count: 11 * width)
        withMemory(of: &panel) { packColumns(from: matrix, pitch: 70, columns: count, count: 11, into: $0) }
        for k in 0..<11 {
            for column in 0..<width {
                #expect(panel[k * width + column] == (column < count ? matrix[k * 70 + column] : 0))
            }
        }
    }

    @Test("rows are packed as columns, with zeros in the unused lanes", arguments: 1...Vector.lanes)
    func transposed(lanes: Int) {
        var random = SeededRandom(UInt64(lanes))
        let panelPitch = Vector.lanes * 2
        for count in [1, 7, 8, 15, 16, 17, 50] {
            let pitch = count + 3
            let inOrder = (0..<Int32(lanes)).map { $0 }
            for numbers in [nil, inOrder, randomRows(lanes, of: 3 * Vector.lanes, &random)] {
                let rows = numbers ?? inOrder
                let matrix = rowsAmongNaN(rows, of: 3 * Vector.lanes, width: count, pitch: pitch, &random)
                var panel = [Float](repeating: .nan, count: count * panelPitch)
                var expected = panel
                for k in 0..<count {
                    for lane in 0..<Vector.lanes {
                        expected[k * panelPitch + lane] = lane < lanes ? matrix[Int(rows[lane]) * pitch + k] : 0
                    }
                }
                withMemory(of: &panel) { panel in
                    func pack(_ rows: UnsafePointer<Int32>?) {
                        packTransposed(
                            from: matrix, pitch: pitch, rows: rows, lanes: lanes, count: count, into: panel,
                            panelPitch: panelPitch)
                    }
                    if let numbers { pack(numbers) } else { pack(nil) }
                }
                let off = difference(panel, expected)
                #expect(off == nil, "rows \(numbers?.description ?? "nil"), \(count) steps")
            }
        }
    }

    @Test("a panel is unpacked to selected rows, padded with zeros to whole vectors", arguments: [1, 16, 17, 40, 64])
    func unpacked(columns: Int) {
        var random = SeededRandom(UInt64(columns))
        for count in [1, 15, 16, 33] {
            let width = wholeVectors(columns)
            let panel = random.floats(count * width)
            let pitch = wholeVectors(count) + 4
            let rows = randomRows(columns, of: columns + 9, &random)
            var matrix = [Float](repeating: .nan, count: (columns + 9) * pitch)
            var expected = matrix
            for column in 0..<columns {
                for k in 0..<wholeVectors(count) {
                    expected[Int(rows[column]) * pitch + k] = k < count ? panel[k * width + column] : 0
                }
            }
            withMemory(of: &matrix) {
                unpackTransposed(from: panel, columns: columns, count: count, into: $0, pitch: pitch, rows: rows)
            }
            let off = difference(matrix, expected)
            #expect(off == nil, "rows \(rows), \(count) steps")
        }
    }

    /// Widths with which the column of factors is the last lane, the first lane or an inner lane of a vector.
    @Test(
        "selected rows are packed times their factors, and the factors as one more column",
        arguments: [1, 2, 3].flatMap { [$0 * Vector.lanes - 1, $0 * Vector.lanes, $0 * Vector.lanes + 5] })
    func scaled(width: Int) {
        var random = SeededRandom(UInt64(width))
        let (count, pitch) = (9, wholeVectors(width) + 3)
        // A row may be selected twice.
        let rows = randomRows(count - 1, of: 20, &random) + [7]
        var matrix = rowsAmongNaN(rows, of: 20, width: wholeVectors(width), pitch: pitch, &random)
        for row in 0..<20 { for column in width..<wholeVectors(width) { matrix[row * pitch + column] = 0 } }
        let factors = random.floats(count, in: 0.1...2)
        let single = stride(from: 0, to: width + 1, by: Vector.lanes).map { $0..<min($0 + Vector.lanes, width + 1) }
        for columns in Array(ColumnPanels.forLeaves(of: width + 1)) + single {
            let panelWidth = wholeVectors(columns.count)
            var panel = [Float](repeating: .nan, count: count * panelWidth + Vector.lanes)
            var expected = panel
            for (k, row) in rows.enumerated() {
                for column in columns.lowerBound..<columns.lowerBound + panelWidth {
                    expected[k * panelWidth + column - columns.lowerBound] =
                        if column < width {
                            matrix[Int(row) * pitch + column] * factors[k]
                        } else {
                            column == width ? factors[k] : 0
                        }
                }
            }
            withMemory(of: &panel) {
                packScaledRows(
                    from: matrix, pitch: pitch, width: width, rows: rows, factors: factors, count: count,
                    columns: columns, into: $0)
            }
            let off = difference(panel, expected)
            #expect(off == nil, "columns \(columns)")
        }
    }
}
