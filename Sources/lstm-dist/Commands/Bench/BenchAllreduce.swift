import ArgumentParser
import Benchmarks
import FileFormats
import JobControl
import MPI
import System
import Training

/// `lstm-dist bench allreduce`
struct BenchAllreduce: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "allreduce", abstract: "Times MPI_Allreduce by size, and checks its sums.",
        discussion: """
            The columns are those of nccl-tests: time is a call's in microseconds, the mean over ranks of their medians; algbw is size / time, busbw that times \
            2 (N - 1) / N; #wrong counts elements that are not the sum. min and max are the fastest and the slowest rank's \
            time, as in the OSU micro-benchmarks. copy is what a rank copies from memory to memory, blocks of that size, \
            all ranks at once: a bound for what ranks of one host can exchange. 1 GB is 10^9 bytes.

            EXAMPLES
              mpirun -n 2 lstm-dist bench allreduce
              mpirun -n 16 lstm-dist bench allreduce --max-bytes 1048576 --json allreduce.json
            """)

    @Option(help: "The largest message, in bytes (default: 256 MiB).")
    var maxBytes = AllreduceBenchmark.largest
    @Option(help: "Each size is so many times the one before.")
    var factor = 4
    @Option(help: "Also write the figures to this file, as JSON; - is standard output, in place of the text.")
    var json: String?
    @OptionGroup var verbosity: Verbosity

    func validate() throws {
        if !(AllreduceBenchmark.smallest...1 << 40 ~= maxBytes) {
            throw ValidationError("--max-bytes is \(maxBytes); accepted: \(AllreduceBenchmark.smallest) or more")
        }
        if !(2...1024 ~= factor) { throw ValidationError("--factor is \(factor); accepted: 2 to 1024") }
    }

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        Job.page.begin(.work)
        try communicator.agree {
            if communicator.isRoot { try BenchCommand.Output.check("--json", json) }
        }
        let benchmark = try AllreduceBenchmark(maxBytes: maxBytes, factor: factor, on: communicator)
        let showsText = json != "-"
        if showsText {
            console.result("# MPI_Allreduce in place, \(counted(communicator.size, "rank")), \(Job.versionOfMPI)")
            for line in Self.head { console.result(line) }
        }
        let rows = try benchmark.run { if showsText { console.result(Self.line($0)) } }
        let wrong = rows.reduce(0) { $0 + $1.wrong }
        let figures: JSONValue = [
            "ranks": .integer(communicator.size), "mpi": .string(Job.versionOfMPI),
            "rows": .array(rows.map(\.json)), "wrong": .integer(wrong),
        ]
        if showsText {
            let mean = rows.reduce(0) { $0 + $1.busRate } / Double(rows.count)
            console.result("# wrong elements: \(grouped(wrong))\(wrong == 0 ? " (OK)" : "")")
            console.result("# mean bus bandwidth: \(format(mean / 1e9)) GB/s")
        } else {
            console.result(figures.text)
        }
        try communicator.agree {
            if communicator.isRoot { try BenchCommand.Output.write(figures.indentedText, to: json) }
        }
        guard wrong == 0 else {
            throw CommandError.failure(
                "bench allreduce: \(counted(wrong, "element")) of the sums came out wrong; this MPI must not be trained with"
            ).everywhere
        }
    }

    private static let columns = [
        "size", "count", "type", "redop", "time", "min", "max", "algbw", "busbw", "#wrong", "copy",
    ]
    private static let units = ["(B)", "(elements)", "", "", "(us)", "(us)", "(us)", "(GB/s)", "(GB/s)", "", "(GB/s)"]
    private static let widths = [12, 12, 8, 8, 10, 10, 10, 9, 9, 8, 9]

    private static var head: [String] {
        [columns, units].map { "#" + aligned($0).dropFirst() }
    }

    private static func line(_ row: AllreduceBenchmark.Row) -> String {
        aligned(
            ["\(row.bytes)", "\(row.count)", "float", "sum"]
                + [row.seconds, row.leastSeconds, row.greatestSeconds].map { format(1e6 * $0) }
                + [row.algorithmRate, row.busRate].map { format($0 / 1e9) }
                + ["\(row.wrong)", format(row.copyRate / 1e9)])
    }

    private static func aligned(_ cells: [String]) -> String {
        zip(cells, widths).reduce("") { line, cell in
            line + String(repeating: " ", count: max(1, cell.1 - cell.0.count)) + cell.0
        }
    }
}
