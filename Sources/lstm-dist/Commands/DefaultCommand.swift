import ArgumentParser
import JobControl
import MPI
import Training

/// `lstm-dist` without a command.
struct DefaultCommand: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "default", abstract: "Trains the embedded default into runs/reber-default.",
        shouldDisplay: false)

    @OptionGroup var verbosity: Verbosity

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        try TrainingSession(
            configText: DefaultConfiguration.yaml, file: DefaultConfiguration.name, run: "runs/reber-default",
            resume: .never, overwrites: true, command: "lstm-dist"
        ).carryOut(on: communicator, console, watchedBy: hangGuard)
    }
}
