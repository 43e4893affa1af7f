import ArgumentParser
import JobControl
import MPI
import RunFolder
import System
import Training

/// `lstm-dist predict`
struct PredictCommand: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Writes a model's outputs as a CSV file.",
        discussion: """
            A row for each scored time step: the sequence and the time step, both counted from 0, and the task's columns, such \
            as the likeliest class and the probability of each. A task with one output for each sequence has a row for each, \
            without a time step. Uses the best checkpoint of a run, or the latest if there is \
            none, and the test data, or the validation data if there is none. The bytes are the same on any number of ranks.

            EXAMPLES
              lstm-dist predict runs/order --output order.csv
              lstm-dist predict runs/text --input other.txt --output -
              lstm-dist predict runs/snips-intent --input new.jsonl --output labels.csv
            """)

    @Argument(help: "A run folder, or a checkpoint.")
    var checkpoint: String
    @Option(help: "Predict this file instead of the configuration's test data.")
    var input: String?
    @Option(help: "The file to write; - is standard output.")
    var output: String
    @OptionGroup var verbosity: Verbosity

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        try communicator.agree {
            if communicator.isRoot, output != "-" { try FileCheck.writable(output, option: "--output") }
        }
        func write(to file: OpenFile?) throws {
            try predict(checkpoint, input: input, on: communicator, console) { bytes in
                try bytes.withUnsafeBytes { try file?.write($0) }
            }
        }
        guard communicator.isRoot else { return try write(to: nil) }
        try OutputFile.write(to: output == "-" ? "/dev/stdout" : output) { try write(to: $0) }
    }
}
