package import FileFormats
import JobControl
import System
import Training

/// The figures of a scaling measurement: as JSON, as CSV, as a table for people.
package struct ScalingResult: Sendable {
    /// Strong scaling keeps the global batch, weak scaling that of a rank.
    package enum Mode: String, Sendable, CaseIterable { case strong, weak }

    /// A rank count in one mode.
    package struct Row: Sendable {
        package let mode: Mode
        package let ranks: Int
        /// Global: sequences of a step, all ranks together.
        package let batch: Int
        /// All ranks together.
        package let tokensPerSecond: Spread
        /// Against one rank, where that was measured; else against the lowest rank count, taken to scale perfectly.
        package let speedup: Double
        /// Nominal floating-point operations a second of a rank.
        package let flopsPerRank: Double
        /// Medians.
        package let split: StepSplit
        /// A ceiling: tokens a second of as many single ranks side by side, which share cores and memory but average nothing;
        /// nil for one rank.
        package let sideBySide: Spread?
        /// Turn by turn, the ranks together against those side by side.
        package let ofSideBySide: Spread?

        package var efficiency: Double { speedup / Double(ranks) }

        package init(
            mode: Mode, ranks: Int, batch: Int, tokensPerSecond: Spread, speedup: Double, flopsPerRank: Double,
            split: StepSplit, sideBySide: Spread?, ofSideBySide: Spread?
        ) {
            self.mode = mode
            self.ranks = ranks
            self.batch = batch
            self.tokensPerSecond = tokensPerSecond
            self.speedup = speedup
            self.flopsPerRank = flopsPerRank
            self.split = split
            self.sideBySide = sideBySide
            self.ofSideBySide = ofSideBySide
        }
    }

    package let title: String
    package let rows: [Row]
    /// A ceiling: bytes a second of so many ranks at once (`MemoryBenchmark`).
    package let memory: [(ranks: Int, bytesPerSecond: Double)]
    /// Floating-point operations a second of one core: the greatest of all measurements.
    package let peakFlops: Double

    /// - Parameter rows: of weak scaling at least one.
    package init(
        title: String, rows: [Row], memory: [(ranks: Int, bytesPerSecond: Double)], peakFlops: Double
    ) {
        self.title = title
        self.rows = rows
        self.memory = memory
        self.peakFlops = peakFlops
    }

    /// The row with the most tokens a second among those of weak scaling: the figure of merit.
    package var best: Row {
        let weak = rows.filter { $0.mode == .weak }
        return weak.reduce(weak[0]) { $1.tokensPerSecond.median > $0.tokensPerSecond.median ? $1 : $0 }
    }

    private func bytesPerSecond(_ ranks: Int) -> Double? { memory.first { $0.ranks == ranks }?.bytesPerSecond }

    // MARK: JSON and CSV

    /// A row's figures under their names, the same in JSON and CSV.
    private func members(_ row: Row) -> [(key: String, value: JSONValue)] {
        func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
        return [
            ("mode", .string(row.mode.rawValue)), ("ranks", .integer(row.ranks)), ("batch", .integer(row.batch)),
            ("tokens_per_second", number(row.tokensPerSecond.median)),
            ("tokens_per_second_min", number(row.tokensPerSecond.least)),
            ("tokens_per_second_max", number(row.tokensPerSecond.greatest)),
            ("speedup", number(row.speedup)), ("efficiency", number(row.efficiency)),
            ("gflops_per_rank", number(row.flopsPerRank / 1e9)), ("of_peak", number(row.flopsPerRank / peakFlops)),
            ("compute_fraction", number(row.split.compute)), ("averaging_fraction", number(row.split.averaging)),
            ("waiting_fraction", number(row.split.waiting)), ("update_fraction", number(row.split.update)),
            ("side_by_side_tokens_per_second", number(row.sideBySide?.median)),
            ("of_side_by_side", number(row.ofSideBySide?.median)),
            ("of_side_by_side_min", number(row.ofSideBySide?.least)),
            ("of_side_by_side_max", number(row.ofSideBySide?.greatest)),
            ("memory_gb_per_s", number(bytesPerSecond(row.ranks).map { $0 / 1e9 })),
        ]
    }

    package var json: JSONValue {
        [
            "title": .string(title), "cpu": .string(ProcessorCores.modelName),
            "simd_level": .string(Environment.simdLevelOfBuild), "fma_peak_gflops": .number(peakFlops / 1e9),
            "fom_tokens_per_second": .number(best.tokensPerSecond.median),
            "rows": .array(rows.map { .object(members($0)) }),
        ]
    }

    /// A line of names, then a line a row; what was not measured is empty. No value holds a comma.
    package var csv: String {
        let names = members(rows[0]).map(\.key)
        let lines = rows.map { row in
            members(row).map { member in
                switch member.value {
                case .null: ""
                case .string(let text): text
                default: member.value.text
                }
            }
        }
        return ([names] + lines).map { $0.joined(separator: ",") + "\n" }.joined()
    }

    // MARK: text

    /// The table, the ceilings, and last the figure of merit.
    package var lines: [String] {
        let head = [
            "mode", "ranks", "batch", "tokens/s", "speed-up", "efficiency", "GFLOP/s a rank", "compute", "averaging",
            "waiting", "update", "of as many side by side",
        ]
        let cells = rows.map { row in
            [
                row.mode.rawValue, "\(row.ranks)", "\(row.batch)", text(row.tokensPerSecond) { grouped(Int($0)) },
                format(row.speedup), format(row.efficiency), format(row.flopsPerRank / 1e9),
                shareText(row.split.compute),
                shareText(row.split.averaging), shareText(row.split.waiting), shareText(row.split.update),
                row.ofSideBySide.map { text($0, format) } ?? "-",
            ]
        }
        var lines = [title] + aligned([head] + cells)
        for (ranks, bytes) in memory {
            lines.append("memory bandwidth of \(counted(ranks, "rank")) at once: \(format(bytes / 1e9)) GB/s")
        }
        lines.append("FMA peak of a core: \(format(peakFlops / 1e9)) GFLOP/s")
        lines.append("best of weak scaling: \(counted(best.ranks, "rank")), batch \(best.batch)")
        lines.append(figureOfMerit(best.tokensPerSecond.median))
        return lines
    }

    private func text(_ spread: Spread, _ number: (Double) -> String) -> String {
        "\(number(spread.median)) (\(number(spread.least)) to \(number(spread.greatest)))"
    }

    private func aligned(_ rows: [[String]]) -> [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.reduce(0, max) }
        return rows.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) {
                line += cell + String(repeating: " ", count: width - cell.count + 2)
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}

/// A share of a whole, with three decimals at most.
package func shareText(_ share: Double) -> String { "\((share * 1000).rounded() / 1000)" }

/// The last line on standard output of a benchmark of training, for scripts that compare machines.
package func figureOfMerit(_ tokensPerSecond: Double) -> String {
    "FOM tokens_per_second = \((tokensPerSecond * 10).rounded() / 10)"
}
