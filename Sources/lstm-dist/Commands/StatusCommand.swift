import ArgumentParser
import FileFormats
import RunFolder
import System
import Training

/// `lstm-dist status`
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Reports the state of a run.",
        discussion: """
            States: running, done, stopped, failed, or died (it was running, but no process holds the folder's lock now).

            EXAMPLES
              lstm-dist status runs/text
              lstm-dist status runs/text --json
            """)

    @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
    var folder: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let status = try RunStatus(of: folder)
        try StandardOutput.print(json ? status.json.indentedText : status.text, terminator: json ? "" : "\n")
    }
}
