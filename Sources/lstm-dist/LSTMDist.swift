import ArgumentParser
import ConfigFile
import JobControl
import System
import Training

/// The command line: one file and one line here per command.
struct LSTMDist: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lstm-dist",
        abstract: "Trains recurrent networks (LSTM, GRU, RNN) with many processes and no GPU.",
        discussion: """
            Without mpirun or srun it runs as one rank; with them, every rank processes its share of the sequences. \
            Without a command it trains the embedded default (embedded Reber grammar) into runs/reber-default, from the \
            beginning each time.

            EXAMPLES
              mpirun -n 2 lstm-dist
              mpirun -n 4 lstm-dist train configs/text.yaml --set training.epochs=2
              lstm-dist generate runs/text --prompt "The " --length 300
              lstm-dist doctor

            EXIT CODES
              0   success
              1   failure
              2   invalid usage, configuration or data
              70  hang: ranks waited longer than communication.timeout for another rank
              75  stopped early, with a checkpoint
            """,
        version: "lstm-dist \(programVersion)",
        subcommands: [
            DefaultCommand.self, TrainCommand.self, EvaluateCommand.self, PredictCommand.self, GenerateCommand.self,
            ExportCommand.self,
            InspectCommand.self, CompareCommand.self, StopCommand.self, StatusCommand.self, ConfigCommand.self,
            DoctorCommand.self, BenchCommand.self,
        ],
        defaultSubcommand: DefaultCommand.self)

    /// Rejects words that are not commands. The parser would take them for arguments of the default command, or of a
    /// command's help, and would not suggest the nearest command.
    static func checkWords(of commandLine: [String]) throws {
        let words = commandLine.dropFirst()
        guard let first = words.first else { return }
        if first.hasPrefix("-") { return try checkOption(first) }
        try check(first == "help" ? words.dropFirst() : words, below: configuration, path: "", more: ["help"])
    }

    /// The parser knows these two options, but does not suggest them.
    private static func checkOption(_ option: String) throws {
        let hidden = ["--version", "--help"]
        guard !hidden.contains(option), let near = nearestWord(to: option, among: hidden) else { return }
        throw CommandError.usage("there is no option \"\(option)\"; did you mean \(near)?")
    }

    private static func check(
        _ words: ArraySlice<String>, below parent: CommandConfiguration, path: String, more: [String] = []
    ) throws {
        guard let word = words.first, !word.hasPrefix("-"), !parent.subcommands.isEmpty, !more.contains(word) else {
            return
        }
        let commands = parent.subcommands.map { $0.configuration }
        if let command = commands.first(where: { $0.commandName == word }) {
            return try check(words.dropFirst(), below: command, path: "\(path)\(word) ")
        }
        let names = commands.filter(\.shouldDisplay).compactMap(\.commandName) + more
        let hint = nearestWord(to: word, among: names).map { "did you mean \(path)\($0)? " } ?? ""
        throw CommandError.usage(
            "there is no command \"\(path)\(word)\"; \(hint)accepted: \(names.joined(separator: ", "))")
    }
}
