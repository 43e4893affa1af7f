import ArgumentParser
import Benchmarks
import FileFormats
import JobControl
import Kernels
import MPI
import RunFolder
import System
import Training

/// `lstm-dist bench tune`
struct BenchTune: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune",
        abstract: "Measures which kernel sizes are fastest on this machine; takes under a minute.",
        discussion: """
            Without tuning, the sizes for the CPU's family are used. No result depends on them, only the speed. One rank, \
            on a machine without other load.

            EXAMPLES
              lstm-dist bench tune
              lstm-dist bench tune --write tuning.json
              mpirun -n 2 lstm-dist train configs/text.yaml --tuning tuning.json
            """)

    @Option(help: ArgumentHelp("Write the choice to this file, for --tuning or LSTM_DIST_TUNING.", valueName: "file"))
    var write: String?
    @Option(parsing: .unconditional, help: "Duration of the measurement in seconds.")
    var seconds = 40.0
    @Option(help: "Also write the results to this file, as JSON; - prints them to standard output instead of the text.")
    var json: String?
    @OptionGroup var tuning: TuningOption
    @OptionGroup var verbosity: Verbosity

    func validate() throws { try BenchCommand.checkSeconds(seconds) }

    var tuningFile: String? { tuning.file }

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        Job.page.begin(.work)
        guard communicator.size == 1 else {
            throw CommandError.usage("bench tune measures one core; accepted: one rank, without mpirun").everywhere
        }
        if let write { try FileCheck.writable(write, option: "--write") }
        try BenchCommand.Output.check("--json", json)
        let isText = json != "-"
        if isText { console.result("in use               \(TuningChoice.text)") }
        let result = TuningBenchmark(seconds: seconds) { decision in
            if isText { for line in lines(decision) { console.result(line) } }
        }
        if let write { try OutputFile.write(TuningChoice.file(result.tuning).indentedText, to: write) }
        try BenchCommand.Output.write(result.json.indentedText, to: json)
        guard isText else { return console.result(result.json.text) }
        if let write { console.result("written to           \(write)") }
        console.result("FOM tuning_gain_percent = \(format(result.gainPercent))")
    }

    private func lines(_ decision: TuningBenchmark.Decision) -> [String] {
        let quiet =
            decision.quietShare > 0
            ? "\(Int((100 * decision.quietShare).rounded())) % of the runs quiet"
            : "no run was quiet: please measure again"
        let isChange = decision.chosen != decision.current
        return ["\(decision.name): \(quiet)"]
            + decision.alternatives.enumerated().map { number, alternative in
                "  \(alternative.text): \(format(alternative.ofPeak)) of peak"
                    + (number == decision.chosen ? isChange ? ", chosen" : ", chosen, as in use" : "")
            }
    }
}
