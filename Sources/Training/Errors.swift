package import ConfigFile
package import FileFormats
import MPI
package import RunFolder
package import Sequences

// Which exit code an error of each module ends the program with: 2 for usage, configuration and data, 1 for a failure of
// the system. The modules below know nothing of MPI, so the protocol that `agree` reads is met here.
extension ConfigError: ExitCoded {
    package var exitCode: Int32 { 2 }
}
extension StreamError: ExitCoded {
    package var exitCode: Int32 { 2 }
}
extension MissingData: ExitCoded {
    package var exitCode: Int32 { error.exitCode }
}
extension TextError: ExitCoded {}
extension FileFormatError: ExitCoded {}
extension RunFolderError: ExitCoded {}

/// What stops a command, in a sentence for the user.
package struct TrainingError: Error, Equatable, ExitCoded, CustomStringConvertible {
    package let description: String
    package let exitCode: Int32
    /// Every rank throws the same, from what all of them know: rank 0 can speak for all. Otherwise only this rank knows.
    package var isEverywhere = false

    /// The user asked for something that can't be done: exit code 2.
    package static func usage(_ message: String) -> TrainingError { TrainingError(description: message, exitCode: 2) }

    /// Something failed: exit code 1.
    package static func failure(_ message: String) -> TrainingError { TrainingError(description: message, exitCode: 1) }

    /// This error, thrown by every rank.
    package var everywhere: TrainingError {
        var error = self
        error.isEverywhere = true
        return error
    }
}
