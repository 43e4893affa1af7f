import ArgumentParser
import RunFolder
import System
import Training

/// `lstm-dist compare`
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Reports whether two runs are equal to the bit, and where they first differ.",
        discussion: """
            Compares the metrics of two runs line by line, without times and the number of ranks, and all checkpoints that \
            both runs have: weights, optimiser state, carried states. Given two checkpoints, it compares only these. \
            Exits with 0 if everything is equal, else with 1.

            EXAMPLES
              lstm-dist compare runs/one runs/other
              lstm-dist compare runs/one/checkpoints/latest runs/other/checkpoints/step-00000500
            """)

    @Argument(help: "A run folder, or a checkpoint.")
    var first: String
    @Argument(help: "The run folder or checkpoint to compare it with.")
    var second: String

    func run() throws {
        let comparison = try RunComparison(first, second)
        for line in comparison.equal { try StandardOutput.print("equal      \(line)") }
        for line in comparison.differences { try StandardOutput.print("different  \(line)") }
        guard comparison.areEqual else { throw CommandError.failure("\(first) and \(second) are not equal") }
        try StandardOutput.print("equal to the bit")
    }
}
