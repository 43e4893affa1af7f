internal import COpenBLAS

/// A matrix in memory that somebody else owns: row-major, `pitch` floats from one row to the next.
package struct Matrix {
    package let pointer: UnsafeMutablePointer<Float>
    package let rows: Int
    package let columns: Int
    package let pitch: Int

    package init(_ pointer: UnsafeMutablePointer<Float>, rows: Int, columns: Int, pitch: Int? = nil) {
        self.pointer = pointer
        self.rows = rows
        self.columns = columns
        self.pitch = pitch ?? columns
    }

    /// The product reads this matrix as its transpose.
    package var transposed: Factor { Factor(matrix: self, isTransposed: true) }

    /// A matrix as one factor of a product.
    package struct Factor {
        let matrix: Matrix
        let isTransposed: Bool
        var rows: Int { isTransposed ? matrix.columns : matrix.rows }
        var columns: Int { isTransposed ? matrix.rows : matrix.columns }
    }

    /// self = a b, or self += a b: BLAS `sgemm`. Shapes must fit; an empty product with `adding: false` gives zeros.
    package func setProduct(_ a: Factor, _ b: Factor, adding: Bool = false) {
        assert(a.rows == rows && b.columns == columns && a.columns == b.rows, "shapes of a product do not fit")
        guard rows > 0, columns > 0 else { return }
        cblas_sgemm(
            CblasRowMajor, a.isTransposed ? CblasTrans : CblasNoTrans, b.isTransposed ? CblasTrans : CblasNoTrans,
            blasint(rows), blasint(columns), blasint(a.columns), 1, a.matrix.pointer, blasint(a.matrix.pitch),
            b.matrix.pointer, blasint(b.matrix.pitch), adding ? 1 : 0, pointer, blasint(pitch))
    }

    package func setProduct(_ a: Matrix, _ b: Factor, adding: Bool = false) {
        setProduct(Factor(matrix: a, isTransposed: false), b, adding: adding)
    }

    package func setProduct(_ a: Factor, _ b: Matrix, adding: Bool = false) {
        setProduct(a, Factor(matrix: b, isTransposed: false), adding: adding)
    }

    package func setProduct(_ a: Matrix, _ b: Matrix, adding: Bool = false) {
        setProduct(Factor(matrix: a, isTransposed: false), Factor(matrix: b, isTransposed: false), adding: adding)
    }

    /// Every row becomes `row`.
    package func setRows(to row: UnsafePointer<Float>) {
        for index in 0..<rows { (pointer + index * pitch).update(from: row, count: columns) }
    }

    /// result[column] = the sum of that column, or += with `adding`: how a bias gets its gradient.
    package func sumOfRows(into result: UnsafeMutablePointer<Float>, adding: Bool) {
        if !adding { result.update(repeating: 0, count: columns) }
        for index in 0..<rows {
            let row = pointer + index * pitch
            forEachVector(of: columns) { offset, span in
                span.store(span.load(result + offset) + span.load(row + offset), result + offset)
            }
        }
    }
}
