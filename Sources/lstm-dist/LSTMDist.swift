import ArgumentParser
import Training

/// The command line: one file a command, one line here.
struct LSTMDist: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lstm-dist",
        abstract: "Trains recurrent networks (LSTM, GRU, RNN) with many processes and no GPU.",
        discussion: """
            Started bare it is one rank; under mpirun or srun, every rank works on its share of the sequences. Without \
            a command it trains the embedded default (embedded Reber grammar) into runs/reber-default, always anew.

            EXAMPLES
              mpirun -n 2 lstm-dist
              mpirun -n 4 lstm-dist train configs/text.yaml --set training.epochs=2
              lstm-dist generate runs/text --prompt "The " --length 300
              lstm-dist doctor

            EXIT CODES
              0 done, 1 a failure, 2 bad usage, configuration or data.
            """,
        version: "lstm-dist \(programVersion)",
        subcommands: [
            DefaultCommand.self, TrainCommand.self, EvaluateCommand.self, GenerateCommand.self, ExportCommand.self,
            InspectCommand.self, ConfigCommand.self, DoctorCommand.self, BenchCommand.self,
        ],
        defaultSubcommand: DefaultCommand.self)
}
