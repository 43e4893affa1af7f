package import Logging

/// A command's output: log lines on standard error, results on standard output. Silent on all ranks but the root.
package struct Console {
    package let logger: Logger
    /// Writes a line of results to standard output. A failure is kept for `checkResults`, because a caller may be in
    /// the middle of collective work; later lines are dropped then.
    package let result: (String) -> Void
    /// Throws the `SystemError` of the first line of results that could not be written.
    package let checkResults: () throws -> Void
    /// Rewrites the progress line; nil if there is no terminal to rewrite one on.
    package let progress: ((String) -> Void)?

    package init(
        logger: Logger, result: @escaping (String) -> Void, checkResults: @escaping () throws -> Void = {},
        progress: ((String) -> Void)? = nil
    ) {
        self.logger = logger
        self.result = result
        self.checkResults = checkResults
        self.progress = progress
    }

    package static var silent: Console {
        Console(logger: Logger(label: "lstm-dist") { _ in SwiftLogNoOpLogHandler() }, result: { _ in })
    }

    package func info(_ line: @autoclosure () -> String) { logger.info("\(line())") }
    package func warning(_ line: @autoclosure () -> String) { logger.warning("\(line())") }
    package func debug(_ line: @autoclosure () -> String) { logger.debug("\(line())") }
}
