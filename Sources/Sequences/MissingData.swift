import ConfigFile
import System

/// Missing files, with the configuration's `data.source`.
package struct MissingData: Error, Equatable, CustomStringConvertible, ExitCoded {
    package var exitCode: Int32 { error.exitCode }
    package let error: TextError
    package let source: String

    package var description: String { "\(error); how to get it: \(source)" }

    /// Runs `body`, and adds the source to its error if a file is missing.
    static func explained<R>(by configuration: Configuration, _ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as TextError {
            guard case .missing = error, configuration.has("data.source") else { throw error }
            throw MissingData(error: error, source: configuration.text("data.source"))
        }
    }
}
