import ArgumentParser
import Benchmarks
import FileFormats
import Foundation
import JobControl
import System

/// `lstm-dist bench neighbour`
struct BenchNeighbour: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "neighbour",
        abstract: "Watches whether something else uses this core's other hardware thread.",
        discussion: """
            In a virtual machine that thread is often somebody else's, and halves what the core gives. Prints a line every \
            tenth of a second: the time in seconds since 1970, and the share of the short measurements that found the core \
            undisturbed. It needs a thousandth of the core's time, so it can run beside a measurement.

            EXAMPLES
              lstm-dist bench neighbour
              taskset --cpu-list 0 lstm-dist bench neighbour --seconds 10
            """)

    @Option(parsing: .unconditional, help: "Duration in seconds.")
    var seconds = 5.0

    func validate() throws { try BenchCommand.checkSeconds(seconds) }

    func run() throws {
        let (line, pause) = (0.1, 0.005)
        var neighbour = Neighbour()
        let end = secondsNow() + seconds
        while secondsNow() < end {
            let lineEnd = secondsNow() + line
            var count = 0
            while secondsNow() < lineEnd {
                neighbour.probe()
                count += 1
                usleep(UInt32(1e6 * pause))
            }
            let now = Date().timeIntervalSince1970
            try StandardOutput.print("\((1000 * now).rounded() / 1000) \(shareText(neighbour.quietShare(last: count)))")
        }
    }
}
