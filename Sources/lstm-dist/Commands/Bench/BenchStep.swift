import ArgumentParser
import Benchmarks
import ConfigFile
import FileFormats
import Foundation
import JobControl
import MPI
import System
import Training

/// `lstm-dist bench step`
struct BenchStep: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Times whole training steps on generated data and compares them with one core's peak.",
        discussion: """
            The shape is the configuration's. FLOPs per token: 3 x (2 x gates x H (in + H) per layer + 2 H V).

            EXAMPLES
              lstm-dist bench step configs/ptb-small.yaml
              mpirun -n 2 lstm-dist bench step configs/text.yaml --json step.json
              lstm-dist bench step configs/text.yaml --threads-per-rank 4
              mpirun -n 2 lstm-dist bench step configs/ptb-small.yaml --reductions
              mpirun -n 2 lstm-dist bench step configs/ptb-medium.yaml --protections /tmp/probe
            """)

    @OptionGroup var source: BenchCommand.Source
    @Option(parsing: .unconditional, help: "Duration of the measurement in seconds.")
    var seconds = 5.0
    @Option(help: "Also write the results to this file, as JSON; - prints them to standard output instead of the text.")
    var json: String?
    @Flag(help: "Compare communication.reduction reproducible with fast instead, in alternating steps.")
    var reductions = false
    @Option(
        help: ArgumentHelp(
            "Measure the cost of checkpoints, hang guard, comparison of parameters and straggler line instead. Checkpoints "
                + "are written into this folder, which must not exist and is removed.", valueName: "folder"))
    var protections: String?
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var tuning: TuningOption
    @OptionGroup var verbosity: Verbosity

    func validate() throws {
        try BenchCommand.checkSeconds(seconds)
        if reductions, protections != nil {
            throw ValidationError("--reductions and --protections exclude each other; accepted: one of them")
        }
    }

    var tuningFile: String? { tuning.file }

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        Job.page.begin(.work)
        let text = try communicator.broadcast(
            communicator.agree { () -> String? in
                guard communicator.isRoot else { return nil }
                try BenchCommand.Output.check("--json", json)
                if let protections { try FileCheck.absent(protections, option: "--protections") }
                return try source.text()
            }, root: 0)
        if reductions { return try compareReductions(text, on: communicator, console) }
        let configuration = try communicator.agree { try source.configuration(text) }
        if let protections { return try measure(protections: protections, configuration, on: communicator, console) }
        let benchmark = StepBenchmark(configuration, on: communicator, threads: threads.perRank)
        try Doctor.warnOfCrowding(threads: threads.perRank, on: communicator, console)
        let result = try benchmark.run(seconds: seconds)
        if json == "-" { return console.result(result.json.text) }
        for line in lines(result) { console.result(line) }
        try communicator.agree {
            if communicator.isRoot { try BenchCommand.Output.write(result.json.indentedText, to: json) }
        }
    }

    private func compareReductions(_ text: String, on communicator: Communicator, _ console: Console) throws {
        let result = try ReductionBenchmark(on: communicator, threads: threads.perRank) { reduction in
            try source.configuration(text, reduction: reduction)
        }.run(seconds: seconds)
        if json == "-" { return console.result(result.json.text) }
        console.result("ranks               \(result.ranks)")
        console.result(
            "step                \(format(1e3 * result.fast.median)) ms fast, "
                + "\(format(1e3 * result.reproducible.median)) ms reproducible (medians)")
        console.result(
            "reproducible/fast   \(format(result.ratios.median)) (median of \(result.pairs) pairs; half of them "
                + "\(format(result.ratios.quartiles.lower)) to \(format(result.ratios.quartiles.upper))); of the lower quartiles \(format(result.ratioOfLowerQuartiles))"
        )
        console.result("FOM reproducible_over_fast = \(format(result.ratios.median))")
        try communicator.agree {
            if communicator.isRoot { try BenchCommand.Output.write(result.json.indentedText, to: json) }
        }
    }

    private func measure(
        protections folder: String, _ configuration: Configuration, on communicator: Communicator, _ console: Console
    ) throws {
        let benchmark = try ProtectionBenchmark(configuration, on: communicator, threads: threads.perRank)
        defer { if communicator.isRoot { try? FileManager.default.removeItem(atPath: folder) } }
        let result = try benchmark.run(seconds: seconds, in: folder)
        if json == "-" { return console.result(result.json.text) }
        let quartiles = result.checkpoints.quartiles
        console.result("ranks               \(result.ranks)")
        console.result(
            "step                \(format(1e3 * result.stepSeconds)) ms (median of \(result.plainSteps.values.count))")
        console.result(
            "checkpoint          \(format(1e3 * result.checkpoints.median)) ms of training lost (median of "
                + "\(result.checkpoints.values.count); half of them \(format(1e3 * quartiles.lower)) to "
                + "\(format(1e3 * quartiles.upper))): waited \(format(1e3 * result.waited)), written in the background in "
                + "\(format(1e3 * result.written)); every \(format(result.checkpointInterval)) s: "
                + percent(result.checkpointShare))
        if result.ranks > 1 {
            console.result(
                "hang guard          \(format(result.calls)) marks a step of \(format(1e9 * result.mark)) ns, and its threads: "
                    + percent(result.guardShare))
            console.result(
                "verification        \(format(1e3 * result.hash)) ms every \(result.verifyInterval) steps, between hosts: "
                    + percent(result.verificationShare))
            console.result(
                "straggler line      \(format(1e6 * result.report)) us every \(result.loggingInterval) steps: "
                    + percent(result.reportShare))
        }
        console.result("FOM protection_percent = \(format(100 * result.share))")
        try communicator.agree {
            if communicator.isRoot { try BenchCommand.Output.write(result.json.indentedText, to: json) }
        }
    }

    private func percent(_ share: Double) -> String {
        abs(share) < 1e-5 ? "below 0.001 % of the time" : "\(format(100 * share)) % of the time"
    }

    /// How many steps had their cores to themselves.
    private func quietLine(_ result: StepBenchmark.Result) -> String {
        "quiet steps         \(result.quietSteps) of \(result.steps)"
            + (result.quietSeconds.map { ": \(format(1e3 * $0)) ms" }
                ?? "; another program kept the cores' other hardware threads busy: please measure again")
    }

    private func lines(_ result: StepBenchmark.Result) -> [String] {
        let spread = "\(format(1e3 * result.fastestSeconds)) to \(format(1e3 * result.slowestSeconds))"
        let split = result.split
        return [
            "ranks               \(result.ranks)" + (result.threads > 1 ? ", of \(result.threads) threads" : ""),
            "step                \(format(1e3 * result.stepSeconds)) ms (median of \(result.steps); \(spread))",
            quietLine(result),
            "tokens/s            \(grouped(Int(result.tokensPerSecond))), all ranks together",
            "GFLOP/s a rank      \(format(result.flopsPerRank / 1e9)), nominal"
                + (result.executedFlopsPerRank < result.flopsPerRank
                    ? "; \(format(result.executedFlopsPerRank / 1e9)) executed, because equal tokens share the input's product"
                    : ""),
            "FMA peak of a core  \(format(result.peakFlops / 1e9)) GFLOP/s; "
                + (result.ofPeak.map {
                    "a rank reaches \(format($0)) of "
                        + (result.threads > 1 ? "that of \(result.threads) cores" : "it") + " in quiet steps"
                } ?? "no fraction of it, because no step was quiet"),
            "of a step           forward and backward \(shareText(split.compute)), averaging \(shareText(split.averaging)), "
                + "waiting \(shareText(split.waiting)), update \(shareText(split.update))",
            "SIMD level          \(Environment.simdLevelOfBuild) on \(ProcessorCores.modelName)",
            figureOfMerit(result.tokensPerSecond),
        ]
    }
}
