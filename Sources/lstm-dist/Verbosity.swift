import ArgumentParser
import Foundation
import JobControl
import Logging
import Training

/// How much a command says.
struct Verbosity: ParsableArguments {
    @Flag(help: "Only results, warnings and errors.")
    var quiet = false
    @Flag(help: "More about what goes on.")
    var verbose = false
    @Flag(help: "One progress line, rewritten (for a terminal; launch/local passes it when it sees one).")
    var progress = false

    func validate() throws {
        if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other") }
    }

    /// The root's console: plain lines to standard error, results to standard output.
    func console() -> Console {
        let environment = ProcessInfo.processInfo.environment
        let rewrites = progress && !quiet && environment["TERM"] != "dumb" && environment["NO_COLOR"] == nil
        let lines = TerminalLines()
        let level: Logger.Level = quiet ? .warning : verbose ? .debug : .info
        let logger = Logger(label: "lstm-dist") { _ in PlainLogHandler(lines: lines, logLevel: level) }
        return Console(
            logger: logger,
            result: { line in
                lines.closeProgress()
                print(line)
                fflush(nil)
            },
            progress: rewrites ? { lines.progress($0) } : nil)
    }
}

/// Standard error as lines, of which the last may be a progress line that is rewritten. Only the main thread writes.
final class TerminalLines: @unchecked Sendable {  // true because all ranks are single-threaded where they write
    private var showsProgress = false

    func line(_ text: String) {
        closeProgress()
        write(text + "\n")
    }

    func progress(_ text: String) {
        write("\r\u{1B}[K" + text)
        showsProgress = true
    }

    func closeProgress() {
        if showsProgress { write("\n") }
        showsProgress = false
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

/// Log records as plain lines; a warning says that it is one.
struct PlainLogHandler: LogHandler {
    let lines: TerminalLines
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.line(event.level >= .warning ? "\(event.level): \(event.message)" : "\(event.message)")
    }
}
