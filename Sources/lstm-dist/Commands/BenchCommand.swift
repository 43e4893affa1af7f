import ArgumentParser
import Benchmarks
import ConfigFile
import FileFormats
import MPI
import RunFolder
import Training

/// `lstm-dist bench`
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures this machine at the work of training.",
        discussion: """
            EXAMPLES
              lstm-dist bench step configs/text.yaml
            """,
        subcommands: [Step.self])

    struct Step: CollectiveCommand {
        static let configuration = CommandConfiguration(
            abstract: "Times whole training steps on random tokens, beside one core's peak.",
            discussion: """
                The shape is the configuration's; flops are 3 x (2 x gates x H (in + H) a layer + 2 H V) a token.

                EXAMPLES
                  lstm-dist bench step configs/ptb-small.yaml
                  mpirun -n 2 lstm-dist bench step configs/text.yaml --json step.json
                """)

        @Argument(help: "A configuration of a language model.")
        var config: String
        @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key.", valueName: "key.path=value"))
        var overrides: [String] = []
        @Option(help: "How long to measure.")
        var seconds = 5.0
        @Option(help: "Also write the figures to this file, as JSON; - is standard output, in place of the text.")
        var json: String?
        @OptionGroup var verbosity: Verbosity

        func validate() throws {
            if !(seconds > 0 && seconds < 1e6) { throw ValidationError("--seconds is \(seconds); accepted: above 0") }
        }

        func run(on communicator: Communicator, _ console: Console) throws {
            let text = try communicator.broadcast(
                communicator.agree { communicator.isRoot ? try ConfigSource.text(config) : nil }, root: 0)
            let configuration = try communicator.agree {
                try Configuration(
                    yaml: text, file: ConfigSource.name(config), overrides: overrides, table: Options.table)
            }
            let result = try StepBenchmark(configuration, on: communicator).run(seconds: seconds)
            if json == "-" { return console.result(result.json.text) }
            let spread = "\(format(1e3 * result.fastestSeconds)) to \(format(1e3 * result.slowestSeconds))"
            console.result("ranks               \(result.ranks)")
            console.result(
                "step                \(format(1e3 * result.stepSeconds)) ms (median of \(result.steps); \(spread))")
            console.result("tokens/s            \(grouped(Int(result.tokensPerSecond))), all ranks together")
            console.result("GFLOP/s a rank      \(format(result.flopsPerRank / 1e9))")
            console.result(
                "FMA peak of a core  \(format(result.peakFlops / 1e9)) GFLOP/s; a rank reaches "
                    + "\(format(result.flopsPerRank / result.peakFlops)) of it")
            console.result(
                "of a step           forward and backward \(format(result.compute)), averaging "
                    + "\(format(result.averaging)), waiting \(format(result.waiting)), update \(format(result.update))")
            console.result("SIMD level          \(Environment.simdLevelOfBuild) on \(Environment.cpuModel)")
            try communicator.agree {
                if let json, communicator.isRoot { try AtomicFile.write(result.json.indentedText, to: json) }
            }
        }
    }
}
