package import ConfigFile
import FileFormats
import Foundation
import Reduction
import System
import Training

/// Measures strong and weak scaling over rank counts of this machine: starts `bench step` for each, in turns.
package struct ScalingBenchmark {
    private let configuration: Configuration
    private let name: String
    private let rankCounts: [Int]
    private let repeats: Int
    private let secondsEach: Double

    /// The results of one `bench step`.
    fileprivate struct Measurement {
        let tokensPerSecond: Double
        let flopsPerRank: Double
        /// nil if no step was quiet.
        let ofPeak: Double?
        let steps: Int
        let quietSteps: Int
        let peakFlops: Double
        let split: StepSplit
    }

    /// All measurements of one row.
    private struct Series {
        var together: [Measurement] = []
        /// Tokens per second of all single ranks together.
        var sideBySide: [Double] = []
        var peaks: [Double] = []
    }

    private struct Key: Hashable {
        let mode: ScalingResult.Mode
        let ranks: Int
    }

    /// - Parameters:
    ///   - name: the name of the configuration, for the title.
    ///   - rankCounts: each 1 or more.
    ///   - repeats: the number of measurements of each row.
    ///   - seconds: the duration of each measurement, without its start-up.
    /// - Throws: a `CommandError` if the task has no tokens.
    package init(_ configuration: Configuration, name: String, rankCounts: [Int], repeats: Int, seconds: Double) throws
    {
        precondition(!rankCounts.isEmpty && repeats > 0, "the caller has checked the options")
        self.configuration = configuration
        self.name = name
        self.rankCounts = Set(rankCounts).sorted()
        self.repeats = repeats
        secondsEach = seconds
    }

    /// Powers of two up to the number of cores that this process may use.
    package static var defaultRankCounts: [Int] {
        let cores = max(ProcessorCores.firstThreads.count, 1)
        return Array(sequence(first: 1) { $0 * 2 <= cores ? $0 * 2 : nil })
    }

    /// Measures all rows. `note` is called with each measurement as it ends.
    ///
    /// - Throws: a `CommandError` if there is no mpirun, or if a started process failed.
    package func run(_ note: (String) -> Void) throws -> ScalingResult {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lstm-dist-scaling-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let ranks = try LocalRanks(in: folder)
        let config = folder.appending(path: "config.yaml")
        try Data(configuration.yaml.utf8).write(to: config)

        let memory = try rankCounts.map { count in
            let results = try ranks.together(["bench", "memory"], ranks: count)
            return (ranks: count, bytesPerSecond: 1e9 * (results["triad_gb_per_s"]?.numberValue ?? 0))
        }
        var series: [Key: Series] = [:]
        let keys = rankCounts.flatMap { count in ScalingResult.Mode.allCases.map { Key(mode: $0, ranks: count) } }
        for turn in 0..<repeats {
            // The order of rows alternates, so that a machine that warms up or slows down favours no row.
            for key in turn.isMultiple(of: 2) ? keys : keys.reversed() where !(key.ranks == 1 && key.mode == .weak) {
                try measure(key, into: &series[key, default: Series()], ranks, config.path, apartFirst: turn % 2 == 1)
                let last = series[key]?.together.last?.tokensPerSecond ?? 0
                note(
                    "\(key.mode.rawValue), \(counted(key.ranks, "rank")), turn \(turn + 1) of \(repeats): "
                        + "\(grouped(Int(last))) tokens/s")
            }
        }
        // Both modes are the same work on one rank.
        if let single = series[Key(mode: .strong, ranks: 1)] { series[Key(mode: .weak, ranks: 1)] = single }
        return result(series, memory)
    }

    private var batch: Int { configuration.integer("training.batch") }

    /// The global batch size.
    private func batch(_ key: Key) -> Int { key.mode == .strong ? batch : batch * key.ranks }

    private func measure(
        _ key: Key, into series: inout Series, _ ranks: LocalRanks, _ config: String, apartFirst: Bool
    ) throws {
        func command(_ batch: Int) -> [String] {
            ["bench", "step", config, "--seconds", "\(secondsEach)", "--set", "training.batch=\(batch)"]
        }
        func together() throws {
            let measurement = try Measurement(ranks.together(command(batch(key)), ranks: key.ranks))
            series.together.append(measurement)
            series.peaks.append(measurement.peakFlops)
        }
        func apart() throws {
            guard key.ranks > 1 else { return }
            let shares = (0..<key.ranks).map { Shard.rows(batch(key), part: $0, of: key.ranks).count }
            let measurements = try ranks.sideBySide(shares.filter { $0 > 0 }.map(command)).map { try Measurement($0) }
            series.sideBySide.append(measurements.reduce(0) { $0 + $1.tokensPerSecond })
            series.peaks += measurements.map(\.peakFlops)
        }
        if apartFirst { try apart() }
        try together()
        if !apartFirst { try apart() }
    }

    private func result(_ series: [Key: Series], _ memory: [(ranks: Int, bytesPerSecond: Double)]) -> ScalingResult {
        var rows: [ScalingResult.Row] = []
        for mode in ScalingResult.Mode.allCases {
            var base: (ranks: Int, tokens: Double)?
            for count in rankCounts {
                guard let measured = series[Key(mode: mode, ranks: count)] else { continue }
                let tokens = Spread(measured.together.map(\.tokensPerSecond))
                let reference = base ?? (count, tokens.median)
                base = reference
                func share(_ part: (StepSplit) -> Double) -> Double {
                    Spread(measured.together.map { part($0.split) }).median
                }
                let ofPeak = measured.together.compactMap(\.ofPeak)
                let pairs = zip(tokens.values, measured.sideBySide)
                rows.append(
                    ScalingResult.Row(
                        mode: mode, ranks: count, batch: batch(Key(mode: mode, ranks: count)), tokensPerSecond: tokens,
                        speedup: tokens.median / reference.tokens * Double(reference.ranks),
                        flopsPerRank: Spread(measured.together.map(\.flopsPerRank)).median,
                        ofPeak: ofPeak.isEmpty ? nil : Spread(ofPeak).median,
                        steps: measured.together.reduce(0) { $0 + $1.steps },
                        quietSteps: measured.together.reduce(0) { $0 + $1.quietSteps },
                        split: StepSplit(
                            compute: share(\.compute), averaging: share(\.averaging), waiting: share(\.waiting),
                            update: share(\.update)),
                        sideBySide: measured.sideBySide.isEmpty ? nil : Spread(measured.sideBySide),
                        ofSideBySide: measured.sideBySide.isEmpty ? nil : Spread(pairs.map { $0 / $1 })))
            }
        }
        let model =
            "\(configuration.text("model.cell")) \(configuration.integer("model.layers")) x "
            + "\(configuration.integer("model.hidden")), window \(configuration.integer("training.window")), batch \(batch)"
        return ScalingResult(
            title: "\(name): \(model)", rows: rows, memory: memory,
            peakFlops: series.values.flatMap(\.peaks).reduce(0, max))
    }
}

extension ScalingBenchmark.Measurement {
    /// Parses the output of `bench step --json`.
    fileprivate init(_ json: JSONValue) throws {
        func figure(_ key: String) throws -> Double {
            guard let value = json[key]?.numberValue else {
                throw CommandError.failure("bench scaling: bench step reported no \(key): \(json.text)")
            }
            return value
        }
        tokensPerSecond = try figure("tokens_per_second")
        flopsPerRank = try 1e9 * figure("gflops_per_rank")
        ofPeak = json["of_peak"]?.numberValue
        steps = try Int(figure("steps"))
        quietSteps = try Int(figure("quiet_steps"))
        peakFlops = try 1e9 * figure("fma_peak_gflops")
        split = StepSplit(
            compute: try figure("compute_fraction"), averaging: try figure("averaging_fraction"),
            waiting: try figure("waiting_fraction"), update: try figure("update_fraction"))
    }
}
