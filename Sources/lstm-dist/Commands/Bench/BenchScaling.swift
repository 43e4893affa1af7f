import ArgumentParser
import Benchmarks
import FileFormats
import JobControl
import Reduction
import System
import Training

/// `lstm-dist bench scaling`
struct BenchScaling: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scaling", abstract: "Measures strong and weak scaling over rank counts on this machine.",
        discussion: """
            Starts mpirun with bench step for each rank count, in turns. Strong scaling keeps the global batch size, weak \
            scaling the batch size per rank. Two upper bounds are measured in the same run: the same number of \
            independent single ranks, and the memory bandwidth. The last line is the best result of weak scaling.

            EXAMPLES
              lstm-dist bench scaling
              lstm-dist bench scaling configs/ptb-small.yaml --ranks 1,2,4,8 --csv scaling.csv --svg scaling.svg
            """)

    @OptionGroup var source: BenchCommand.Source
    @Option(
        parsing: .unconditional, help: "Rank counts, such as 1,2,4 (default: powers of two up to the number of cores).")
    var ranks: String?
    @Option(parsing: .unconditional, help: "Measurements of each row, in turns.")
    var repeats = 3
    @Option(parsing: .unconditional, help: "Duration of each measurement in seconds.")
    var seconds = 3.0
    @Option(help: "Also write the results to this file, as JSON; - prints them to standard output instead of the text.")
    var json: String?
    @Option(help: "Also write the table to this file, as CSV.")
    var csv: String?
    @Option(help: "Also write a plot of GFLOP/s over ranks, with the peak of the cores, as an SVG file.")
    var svg: String?
    @OptionGroup var verbosity: Verbosity

    func validate() throws {
        try BenchCommand.checkSeconds(seconds)
        if !(1...1000 ~= repeats) { throw ValidationError("--repeats is \(repeats); accepted: 1 to 1000") }
        if rankCounts == nil {
            throw ValidationError("--ranks is \(ranks ?? ""); accepted: rank counts from 1 to 4096, as 1,2,4")
        }
        for (option, path) in [("--csv", csv), ("--svg", svg)] where path == "-" {
            throw ValidationError("\(option) is -; accepted: a file (--json takes -)")
        }
    }

    private var rankCounts: [Int]? {
        guard let ranks else { return ScalingBenchmark.defaultRankCounts }
        let counts = ranks.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard counts.allSatisfy({ 1...4096 ~= $0 ?? 0 }) else { return nil }
        return counts.compactMap { $0 }
    }

    func run() throws {
        guard !Launcher.isPresent else {
            throw CommandError.usage(
                "bench scaling starts mpirun itself, once for each rank count; run lstm-dist bench scaling without "
                    + "mpirun or srun before it")
        }
        for (option, path) in [("--json", json), ("--csv", csv), ("--svg", svg)] {
            try BenchCommand.Output.check(option, path)
        }
        let console = verbosity.console()
        let benchmark = try ScalingBenchmark(
            source.configuration(source.text()), name: source.name, rankCounts: rankCounts ?? [], repeats: repeats,
            seconds: seconds)
        let result = try benchmark.run { console.info($0) }
        if json == "-" {
            console.result(result.json.text)
        } else {
            for line in result.lines { console.result(line) }
        }
        try console.checkResults()
        try BenchCommand.Output.write(result.json.indentedText, to: json)
        try BenchCommand.Output.write(result.csv, to: csv)
        try BenchCommand.Output.write(ScalingPlot(result).svg, to: svg)
    }
}
