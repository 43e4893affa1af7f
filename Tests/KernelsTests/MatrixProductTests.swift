import Kernels
import Testing

/// A matrix with memory of its own: `pitch` floats a row, those beyond `columns` marked.
private struct Sample {
    static let mark: Float = 12345
    let rows: Int
    let columns: Int
    let pitch: Int
    var memory: [Float]

    init(_ rows: Int, _ columns: Int, padding: Int, _ random: inout SeededRandom) {
        self.rows = rows
        self.columns = columns
        pitch = columns + padding
        memory = random.floats(rows * pitch)
        for row in 0..<rows {
            for column in columns..<pitch { memory[row * pitch + column] = Self.mark }
        }
    }

    subscript(row: Int, column: Int) -> Double { Double(memory[row * pitch + column]) }

    mutating func withMatrix(_ body: (Matrix) -> Void) {
        withMemory(of: &memory) { body(Matrix($0, rows: rows, columns: columns, pitch: pitch)) }
    }

    var paddingIsUntouched: Bool {
        (0..<rows).allSatisfy { row in
            (columns..<pitch).allSatisfy { memory[row * pitch + $0] == Self.mark }
        }
    }
}

private struct ProductCase: Sendable, CustomTestStringConvertible {
    let rows: Int
    let columns: Int
    let inner: Int
    var testDescription: String { "[\(rows), \(inner)] x [\(inner), \(columns)]" }

    static let all = [
        (1, 1, 1), (2, 3, 4), (5, 1, 7), (1, 9, 2), (8, 16, 32), (17, 33, 65), (20, 200, 50), (3, 4, 0), (0, 4, 3),
        (4, 0, 3),
    ].map { ProductCase(rows: $0.0, columns: $0.1, inner: $0.2) }
}

@Suite("Matrix product")
struct MatrixProductTests {
    @Test(
        "the product is a plain triple loop's, for all transposes and pitches, set or added", arguments: ProductCase.all
    )
    private func products(_ shape: ProductCase) {
        var random = SeededRandom(UInt64(shape.rows * 10_000 + shape.columns * 100 + shape.inner))
        for transposesA in [false, true] {
            for transposesB in [false, true] {
                for padding in [0, 3] {
                    for adding in [false, true] {
                        var a =
                            transposesA
                            ? Sample(shape.inner, shape.rows, padding: padding, &random)
                            : Sample(shape.rows, shape.inner, padding: 2 * padding, &random)
                        var b =
                            transposesB
                            ? Sample(shape.columns, shape.inner, padding: padding, &random)
                            : Sample(shape.inner, shape.columns, padding: 2 * padding, &random)
                        var result = Sample(shape.rows, shape.columns, padding: padding, &random)
                        let before = result
                        result.withMatrix { c in
                            a.withMatrix { a in
                                b.withMatrix { b in
                                    switch (transposesA, transposesB) {
                                    case (false, false): c.setProduct(a, b, adding: adding)
                                    case (false, true): c.setProduct(a, b.transposed, adding: adding)
                                    case (true, false): c.setProduct(a.transposed, b, adding: adding)
                                    case (true, true): c.setProduct(a.transposed, b.transposed, adding: adding)
                                    }
                                }
                            }
                        }
                        var worst = 0.0
                        for row in 0..<shape.rows {
                            for column in 0..<shape.columns {
                                var exact = adding ? before[row, column] : 0
                                for k in 0..<shape.inner {
                                    exact +=
                                        (transposesA ? a[k, row] : a[row, k])
                                        * (transposesB ? b[column, k] : b[k, column])
                                }
                                worst = max(worst, abs(result[row, column] - exact))
                            }
                        }
                        // Terms below 1, each rounded to 2^-24 of a sum below `inner`, in the worst order.
                        let bound = Double(shape.inner * shape.inner + 1) * 0x1p-24
                        let what = "\(transposesA), \(transposesB), padding \(padding), adding \(adding)"
                        #expect(worst <= bound, "transposes \(what)")
                        #expect(result.paddingIsUntouched, "transposes \(what)")
                    }
                }
            }
        }
    }

    @Test("setting a product does not read what stood there, not even a NaN")
    func setting() {
        var random = SeededRandom(1)
        var a = Sample(2, 3, padding: 0, &random)
        var b = Sample(3, 4, padding: 0, &random)
        var result = [Float](repeating: .nan, count: 8)
        withMemory(of: &result) { c in
            a.withMatrix { a in b.withMatrix { Matrix(c, rows: 2, columns: 4).setProduct(a, $0) } }
        }
        #expect(result.allSatisfy { $0.isFinite })
    }

    @Test("every row becomes the given one, padding left alone")
    func rows() {
        var random = SeededRandom(2)
        var matrix = Sample(5, 7, padding: 2, &random)
        let row = random.floats(7)
        matrix.withMatrix { $0.setRows(to: row) }
        for index in 0..<5 { #expect(Array(matrix.memory[index * 9..<index * 9 + 7]) == row) }
        #expect(matrix.paddingIsUntouched)
    }

    @Test("a sum of rows is a plain loop's, set or added, for any width and pitch", arguments: [1, 7, 16, 33])
    func sums(columns: Int) {
        var random = SeededRandom(UInt64(columns))
        for rows in [0, 1, 2, 11] {
            for padding in [0, 5] {
                for adding in [false, true] {
                    var matrix = Sample(rows, columns, padding: padding, &random)
                    let before = random.floats(columns) + [77]
                    var result = before
                    matrix.withMatrix { matrix in
                        withMemory(of: &result) { matrix.sumOfRows(into: $0, adding: adding) }
                    }
                    for column in 0..<columns {
                        let exact = (0..<rows).reduce(adding ? Double(before[column]) : 0) { $0 + matrix[$1, column] }
                        #expect(abs(Double(result[column]) - exact) <= Double(rows * rows) * 0x1p-24)
                    }
                    #expect(result[columns] == 77, "something was written beyond the result")
                }
            }
        }
    }
}
