import ArgumentParser
import FileFormats
import JobControl
import MPI
import Training

/// `lstm-dist evaluate`
struct EvaluateCommand: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Evaluates a run or a checkpoint and prints one JSON object.",
        discussion: """
            Uses the best checkpoint of a run, or the latest if there is none, and the test data, or the validation data if \
            there is none. A text that is too short for validation.batch streams is scored in fewer. Validation data that is a \
            fraction of the training data is refused if that has changed since the training.

            EXAMPLES
              lstm-dist evaluate runs/text
              mpirun -n 2 lstm-dist evaluate runs/text/checkpoints/step-00000500 --data other.txt
            """)

    @Argument(help: "A run folder, or a checkpoint.")
    var checkpoint: String
    @Option(help: "Evaluate on this file instead of the configuration's test data.")
    var data: String?
    @OptionGroup var verbosity: Verbosity

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        console.result(try evaluate(checkpoint, data: data, on: communicator, console).text)
    }
}
