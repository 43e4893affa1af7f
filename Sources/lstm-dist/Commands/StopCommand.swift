import ArgumentParser
import RunFolder
import System
import Training

/// `lstm-dist stop`
struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Asks a running training for a checkpoint and a clean end.",
        discussion: """
            It leaves a file in the run folder and returns at once; the training sees it within a second and ends after its \
            step. The same command line as before goes on with it.

            EXAMPLES
              lstm-dist stop runs/text
              lstm-dist stop runs/text --now
            """)

    @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
    var folder: String
    @Flag(help: "End at the next step, without a checkpoint.")
    var now = false

    func run() throws {
        let run = try RunDirectory.existing(folder)
        guard let presence = RunLock.presence(in: run) else {
            throw CommandError.usage("\(folder): nobody is training in this run folder; accepted: one that is in use")
        }
        let holder = presence.holder.description
        guard !presence.isDoubtful else {
            throw CommandError.usage(
                "\(folder): \(holder) has died, or it cannot be seen from here; last heartbeat \(duration(presence.silence)) ago; "
                    + "accepted: a run folder that is in use")
        }
        try run.write(now ? .now : .checkpoint)
        print(
            "asked \(holder) to end " + (now ? "at the next step" : "with a checkpoint")
                + "; lstm-dist status \(folder) says how it stands")
    }
}
