import ArgumentParser
import RunFolder
import System
import Training

/// `lstm-dist stop`
struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stops a running training cleanly, with a checkpoint.",
        discussion: """
            Writes a request into the run folder and returns immediately. The training sees it within a second and ends \
            after the current step. The command that started the training resumes it.

            EXAMPLES
              lstm-dist stop runs/text
              lstm-dist stop runs/text --now
            """)

    @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
    var folder: String
    @Flag(help: "Stop at the next step, without a checkpoint.")
    var now = false

    func run() throws {
        let run = try RunDirectory.existing(folder)
        guard let presence = RunLock.presence(in: run) else {
            throw CommandError.usage("\(folder): no training is running in this run folder")
        }
        let holder = presence.holder.description
        guard !presence.isDoubtful else {
            throw CommandError.usage(
                "\(folder): \(holder) has died, or is not visible from here; last heartbeat \(duration(presence.silence)) ago"
            )
        }
        try run.write(now ? .now : .checkpoint)
        try StandardOutput.print(
            "asked \(holder) to stop " + (now ? "at the next step" : "with a checkpoint")
                + "; lstm-dist status \(folder) reports its state")
    }
}
