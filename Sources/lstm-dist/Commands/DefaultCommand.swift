import ArgumentParser
import ConfigFile
import JobControl
import MPI
import RunFolder
import System
import Training

/// `lstm-dist` without a command.
struct DefaultCommand: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "default", abstract: "Trains the embedded default into runs/reber-default.",
        shouldDisplay: false)

    private static let run = RunDirectory(path: ConfigSource.defaultRun(nil))

    @OptionGroup var verbosity: Verbosity

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        try communicator.agree {
            try ArgumentBytes.requireNoneLost()
            if communicator.isRoot { try Self.requireOwnRun() }
        }
        try TrainingSession(
            configText: DefaultConfiguration.yaml, file: DefaultConfiguration.name, run: Self.run.path,
            resume: .never, overwrites: true, command: "lstm-dist train"
        ).carryOut(on: communicator, console, watchedBy: hangGuard)
    }

    /// Throws if the run folder holds a run of another configuration: this command could not recompute it, and must not
    /// remove it unasked.
    private static func requireOwnRun() throws {
        guard try run.isUsed else { return }
        let table = ConfigurationTable.all
        let embedded = try Configuration(yaml: DefaultConfiguration.yaml, file: DefaultConfiguration.name, table: table)
        let text = try? run.configText()
        let found = text.flatMap { try? Configuration(yaml: $0, file: run.path, table: table) }
        guard found?.differences(from: embedded).isEmpty != true else { return }
        throw CommandError.usage(
            "\(run.path) holds a run that was not trained with the embedded default, and lstm-dist without a command would "
                + "remove it; use lstm-dist train --overwrite, or move that folder")
    }
}
