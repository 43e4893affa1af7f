import ArgumentParser
import FileFormats
import JobControl
import MPI
import Training

/// `lstm-dist evaluate`
struct EvaluateCommand: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Scores a run or a checkpoint; prints one JSON object.",
        discussion: """
            Of a run the best checkpoint is taken, else the latest; the test data, else the validation data.

            EXAMPLES
              lstm-dist evaluate runs/text
              mpirun -n 2 lstm-dist evaluate runs/text/checkpoints/step-00000500 --data other.txt
            """)

    @Argument(help: "A run folder, or a checkpoint.")
    var checkpoint: String
    @Option(help: "Score this text in place of the configuration's test data.")
    var data: String?
    @OptionGroup var verbosity: Verbosity

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        console.result(try evaluate(checkpoint, data: data, on: communicator).text)
    }
}
