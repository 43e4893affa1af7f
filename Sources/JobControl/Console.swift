package import Logging

/// What a command says while it works: log lines for people on standard error, results on standard output. Silent on all
/// ranks but the root.
package struct Console {
    package let logger: Logger
    /// Writes a line of results to standard output.
    package let result: (String) -> Void
    /// Rewrites the progress line; nil: no terminal to rewrite one on.
    package let progress: ((String) -> Void)?

    package init(logger: Logger, result: @escaping (String) -> Void, progress: ((String) -> Void)? = nil) {
        self.logger = logger
        self.result = result
        self.progress = progress
    }

    package static var silent: Console {
        Console(logger: Logger(label: "lstm-dist") { _ in SwiftLogNoOpLogHandler() }, result: { _ in })
    }

    package func info(_ line: @autoclosure () -> String) { logger.info("\(line())") }
    package func warning(_ line: @autoclosure () -> String) { logger.warning("\(line())") }
    package func debug(_ line: @autoclosure () -> String) { logger.debug("\(line())") }
}
