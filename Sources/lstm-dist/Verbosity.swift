import ArgumentParser
import Foundation
import JobControl
import Logging
import System
import Training

/// How much a command prints.
struct Verbosity: ParsableArguments {
    @Flag(help: "Print only results, warnings and errors.")
    var quiet = false
    @Flag(help: "Print more details.")
    var verbose = false
    @Flag(help: "Show one progress line that is rewritten (for a terminal; launch/local passes it if there is one).")
    var progress = false

    func validate() throws {
        if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other") }
    }

    /// The root's console: plain lines to standard error, results to standard output.
    func console() -> Console {
        let environment = ProcessInfo.processInfo.environment
        let rewrites = progress && !quiet && environment["TERM"] != "dumb" && environment["NO_COLOR"] == nil
        let terminal = TerminalLines()
        let level: Logger.Level = quiet ? .warning : verbose ? .debug : .info
        let logger = Logger(label: "lstm-dist") { _ in PlainLogHandler(lines: terminal, logLevel: level) }
        return Console(
            logger: logger, result: { terminal.result($0) }, checkResults: { try terminal.checkResults() },
            progress: rewrites ? { terminal.progress($0) } : nil)
    }
}

/// Standard error as lines, of which the last may be a progress line that is rewritten, and results between them on
/// standard output. Not thread-safe.
///
/// `@unchecked Sendable` because Logger requires a handler that is: all lines come from a rank's main thread. The
/// background writer of checkpoints and the watchers don't log; the hang guard writes directly to standard error.
final class TerminalLines: @unchecked Sendable {
    private var showsProgress = false
    private var fault: (any Error)?

    func line(_ text: String) {
        closeProgress()
        StandardError.write(text + "\n")
    }

    func progress(_ text: String) {
        StandardError.write(verbatim: "\r\u{1B}[K" + printable(text))
        showsProgress = true
    }

    func result(_ line: String) {
        closeProgress()
        guard fault == nil else { return }
        do { try StandardOutput.print(line) } catch { fault = error }
    }

    /// Throws the error of the first line of results that could not be written.
    func checkResults() throws { if let fault { throw fault } }

    private func closeProgress() {
        if showsProgress { StandardError.write("\n") }
        showsProgress = false
    }
}

/// Log records as plain lines; warnings and errors begin with their level.
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
