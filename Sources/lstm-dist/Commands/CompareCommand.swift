import ArgumentParser
import RunFolder
import System
import Training

/// `lstm-dist compare`
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Says whether two runs are equal to the bit, and where they part.",
        discussion: """
            Of two runs, their losses and other figures line by line, times and the number of ranks aside, and all checkpoints \
            that both still have: weights, optimiser state, carried states. Two checkpoints are compared alone. Exits \
            with 0 if all is equal, with 1 if not.

            EXAMPLES
              lstm-dist compare runs/one runs/other
              lstm-dist compare runs/one/checkpoints/latest runs/other/checkpoints/step-00000500
            """)

    @Argument(help: "A run folder, or a checkpoint.")
    var first: String
    @Argument(help: "The other one.")
    var second: String

    func run() throws {
        let comparison = try RunComparison(first, second)
        for line in comparison.equal { print("equal      \(line)") }
        for line in comparison.differences { print("different  \(line)") }
        guard comparison.areEqual else { throw CommandError.failure("\(first) and \(second) are not equal") }
        print("equal to the bit")
    }
}
