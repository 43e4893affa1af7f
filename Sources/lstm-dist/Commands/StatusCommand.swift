import ArgumentParser
import FileFormats
import RunFolder
import Training

/// `lstm-dist status`
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Says where a run is.",
        discussion: """
            States: running, done, stopped, failed, or died: training was going on, but nobody holds the folder any more.

            EXAMPLES
              lstm-dist status runs/text
              lstm-dist status runs/text --json
            """)

    @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
    var folder: String
    @Flag(help: "As JSON.")
    var json = false

    func run() throws {
        let status = try RunStatus(of: folder)
        print(json ? status.json.indentedText : status.text, terminator: json ? "" : "\n")
    }
}
