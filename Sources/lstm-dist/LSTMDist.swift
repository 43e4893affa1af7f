import ArgumentParser
import ConfigFile
import JobControl
import System
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
              0 done, 1 a failure, 2 bad usage, configuration or data, 75 stopped early with a checkpoint written.
            """,
        version: "lstm-dist \(programVersion)",
        subcommands: [
            DefaultCommand.self, TrainCommand.self, EvaluateCommand.self, GenerateCommand.self, ExportCommand.self,
            InspectCommand.self, CompareCommand.self, StopCommand.self, StatusCommand.self, ConfigCommand.self,
            DoctorCommand.self, BenchCommand.self,
        ],
        defaultSubcommand: DefaultCommand.self)

    /// Refuses a first word that is no command. Left to the parser it would be an argument too many of the default
    /// command, which nobody has asked for.
    static func checkCommand(in arguments: [String]) throws {
        guard arguments.count > 1, case let word = arguments[1], !word.hasPrefix("-") else { return }
        let hidden = DefaultCommand.configuration.commandName
        let names = configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
        guard !names.contains(word) else { return }
        let shown = names.filter { $0 != hidden }
        let hint = nearestWord(to: word, among: shown).map { "did you mean \($0)? " } ?? ""
        throw CommandError.usage(
            "there is no command \"\(word)\"; \(hint)accepted: \(shown.joined(separator: ", "))")
    }
}
