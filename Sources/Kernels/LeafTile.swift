/// What is done with one tile of a sum by leaves.
protocol WorkOfTile {
    /// - Parameter rows: those of the shape.
    func run<Shape: RowsOfTile>(_: Shape.Type, rows: Int)
}

/// Runs the work for a tile's shape; each shape is compiled separately, so that its accumulators stay in registers.
@inline(__always)
func forLeafTile(rows: Int, vectors: Int, _ work: some WorkOfTile) {
    @inline(__always)
    func run<Row: RowOfVectors>(withRows _: Row.Type) {
        switch rows {
        case 12 where Tuning.leafRows >= 12: work.run(RowsOf12<Row>.self, rows: 12)
        case 11 where Tuning.leafRows >= 12: work.run(RowsOf11<Row>.self, rows: 11)
        case 10 where Tuning.leafRows >= 12: work.run(RowsOf10<Row>.self, rows: 10)
        case 9 where Tuning.leafRows >= 12: work.run(RowsOf9<Row>.self, rows: 9)
        case 8 where Tuning.leafRows >= 12: work.run(RowsOf8<Row>.self, rows: 8)
        case 7 where Tuning.leafRows >= 12: work.run(RowsOf7<Row>.self, rows: 7)
        case 6 where Tuning.leafRows >= 6: work.run(RowsOf6<Row>.self, rows: 6)
        case 5 where Tuning.leafRows >= 6: work.run(RowsOf5<Row>.self, rows: 5)
        case 4 where Tuning.leafRows >= 6: work.run(RowsOf4<Row>.self, rows: 4)
        case 3 where Tuning.leafRows >= 6: work.run(RowsOf3<Row>.self, rows: 3)
        case 2: work.run(RowsOf2<Row>.self, rows: 2)
        default: work.run(RowsOf1<Row>.self, rows: 1)
        }
    }
    if vectors == 1 { run(withRows: Vectors1.self) } else { run(withRows: Vectors2.self) }
}
