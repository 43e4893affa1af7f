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
        commandName: "allreduce", abstract: "Times MPI_Allreduce by message size and checks its sums.",
        discussion: """
            The columns are those of nccl-tests: time is the time of a call in microseconds (the mean over ranks of their \
            medians), algbw is size / time, busbw is algbw times 2 (N - 1) / N, and #wrong counts elements that differ from \
            the sum. min and max are the times of the fastest and the slowest rank, as in the OSU micro-benchmarks. copy is \
            the rate at which each rank copies blocks of that size in memory while all ranks do so: an upper bound for \
            ranks of one host. 1 GB is 10^9 bytes.

            EXAMPLES
              mpirun -n 2 lstm-dist bench allreduce
              mpirun -n 16 lstm-dist bench allreduce --max-bytes 1048576 --json allreduce.json
            """)

    @Option(parsing: .unconditional, help: "The largest message, in bytes (default: 256 MiB).")
    var maxBytes = AllreduceBenchmark.largest
    @Option(parsing: .unconditional, help: "The ratio of successive sizes.")
    var factor = 4
    @Option(help: "Also write the results to this file, as JSON; - prints them to standard output instead of the text.")
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
                "bench allreduce: \(counted(wrong, "element")) of the sums are wrong; do not train with this MPI"
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
