import ArgumentParser
import Benchmarks
import FileFormats
import JobControl
import MPI
import System
import Training

/// `lstm-dist bench memory`
struct BenchMemory: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory", abstract: "Measures the memory bandwidth of all ranks together with STREAM's triad.",
        discussion: """
            bench scaling shows it as an upper bound. Each rank has three arrays of 64 MiB.

            EXAMPLES
              mpirun -n 2 lstm-dist bench memory
            """)

    @Option(help: "Also write the results to this file, as JSON; - prints them to standard output instead of the text.")
    var json: String?
    @OptionGroup var verbosity: Verbosity

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        Job.page.begin(.work)
        try communicator.agree {
            if communicator.isRoot { try BenchCommand.Output.check("--json", json) }
        }
        let result = try MemoryBenchmark(on: communicator).run()
        if json == "-" { return console.result(result.json.text) }
        console.result("ranks  \(result.ranks)")
        console.result("triad  \(format(result.bytesPerSecond / 1e9)) GB/s, all ranks together")
        try communicator.agree {
            if communicator.isRoot { try BenchCommand.Output.write(result.json.indentedText, to: json) }
        }
    }
}
