package import FileFormats
import JobControl
import System
import Training

/// The results of a scaling measurement: as JSON, as CSV, and as a table.
package struct ScalingResult: Sendable {
    /// Strong scaling keeps the global batch constant, weak scaling the batch of a rank.
    package enum Mode: String, Sendable, CaseIterable { case strong, weak }

    /// The results of one rank count in one mode.
    package struct Row: Sendable {
        package let mode: Mode
        package let ranks: Int
        /// The global batch: sequences of a step on all ranks together.
        package let batch: Int
        /// Tokens per second of all ranks together.
        package let tokensPerSecond: Spread
        /// Relative to one rank if that was measured; otherwise to the lowest rank count, which is assumed to scale
        /// perfectly.
        package let speedup: Double
        /// Nominal floating-point operations per second of one rank.
        package let flopsPerRank: Double
        /// The fraction of a core's peak that a rank reaches in quiet steps (`Neighbour`); nil if there was none.
        package let ofPeak: Double?
        package let steps: Int
        package let quietSteps: Int
        /// Medians of the shares.
        package let split: StepSplit
        /// An upper bound: tokens per second of the same number of single ranks side by side, which share cores and
        /// memory but reduce nothing; nil for one rank.
        package let sideBySide: Spread?
        /// For each turn, tokens per second of the ranks together divided by that of the ranks side by side.
        package let ofSideBySide: Spread?

        package var efficiency: Double { speedup / Double(ranks) }

        package init(
            mode: Mode, ranks: Int, batch: Int, tokensPerSecond: Spread, speedup: Double, flopsPerRank: Double,
            ofPeak: Double?, steps: Int, quietSteps: Int, split: StepSplit, sideBySide: Spread?, ofSideBySide: Spread?
        ) {
            self.mode = mode
            self.ranks = ranks
            self.batch = batch
            self.tokensPerSecond = tokensPerSecond
            self.speedup = speedup
            self.flopsPerRank = flopsPerRank
            self.ofPeak = ofPeak
            self.steps = steps
            self.quietSteps = quietSteps
            self.split = split
            self.sideBySide = sideBySide
            self.ofSideBySide = ofSideBySide
        }
    }

    package let title: String
    package let rows: [Row]
    /// An upper bound: bytes per second of `ranks` ranks together (`MemoryBenchmark`).
    package let memory: [(ranks: Int, bytesPerSecond: Double)]
    /// Floating-point operations per second of one core: the maximum of all measurements.
    package let peakFlops: Double

    /// - Parameter rows: at least one of them of weak scaling.
    package init(
        title: String, rows: [Row], memory: [(ranks: Int, bytesPerSecond: Double)], peakFlops: Double
    ) {
        self.title = title
        self.rows = rows
        self.memory = memory
        self.peakFlops = peakFlops
    }

    /// The row of weak scaling with the most tokens per second: the figure of merit.
    package var best: Row {
        let weak = rows.filter { $0.mode == .weak }
        return weak.reduce(weak[0]) { $1.tokensPerSecond.median > $0.tokensPerSecond.median ? $1 : $0 }
    }

    private func bytesPerSecond(_ ranks: Int) -> Double? { memory.first { $0.ranks == ranks }?.bytesPerSecond }

    // MARK: JSON and CSV

    /// A row's values by name, the same in JSON and CSV.
    private func members(_ row: Row) -> [(key: String, value: JSONValue)] {
        func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
        return [
            ("mode", .string(row.mode.rawValue)), ("ranks", .integer(row.ranks)), ("batch", .integer(row.batch)),
            ("tokens_per_second", number(row.tokensPerSecond.median)),
            ("tokens_per_second_min", number(row.tokensPerSecond.least)),
            ("tokens_per_second_max", number(row.tokensPerSecond.greatest)),
            ("speedup", number(row.speedup)), ("efficiency", number(row.efficiency)),
            ("gflops_per_rank", number(row.flopsPerRank / 1e9)), ("of_peak", number(row.ofPeak)),
            ("steps", .integer(row.steps)), ("quiet_steps", .integer(row.quietSteps)),
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

    /// A line of names, then one line for each row; values that were not measured are empty. No value contains a comma.
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

    /// The table, the upper bounds, and as the last line the figure of merit.
    package var lines: [String] {
        let head = [
            "mode", "ranks", "batch", "tokens/s", "speed-up", "efficiency", "GFLOP/s a rank", "of peak", "compute",
            "averaging",
            "waiting", "update", "of side by side",
        ]
        let cells = rows.map { row in
            [
                row.mode.rawValue, "\(row.ranks)", "\(row.batch)", text(row.tokensPerSecond) { grouped(Int($0)) },
                format(row.speedup), format(row.efficiency), format(row.flopsPerRank / 1e9),
                row.ofPeak.map(format) ?? "-", shareText(row.split.compute),
                shareText(row.split.averaging), shareText(row.split.waiting), shareText(row.split.update),
                row.ofSideBySide.map { text($0, format) } ?? "-",
            ]
        }
        var lines = [title] + aligned([head] + cells)
        for (ranks, bytes) in memory {
            lines.append("memory bandwidth of \(counted(ranks, "rank")) together: \(format(bytes / 1e9)) GB/s")
        }
        lines.append("FMA peak of a core: \(format(peakFlops / 1e9)) GFLOP/s")
        let (quiet, steps) = rows.reduce((0, 0)) { ($0.0 + $1.quietSteps, $0.1 + $1.steps) }
        lines.append(
            "quiet steps: \(grouped(quiet)) of \(grouped(steps)); of peak counts only those"
                + (quiet == 0 ? ": another program kept the cores' other hardware threads busy" : ""))
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

/// A share of a whole, with at most three decimals.
package func shareText(_ share: Double) -> String { "\((share * 1000).rounded() / 1000)" }

/// The last line on standard output of a training benchmark, for scripts that compare machines.
package func figureOfMerit(_ tokensPerSecond: Double) -> String {
    "FOM tokens_per_second = \((tokensPerSecond * 10).rounded() / 10)"
}
