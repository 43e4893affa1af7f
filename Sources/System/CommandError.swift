/// An error with the exit code of the program that it ends.
package protocol ExitCoded {
    /// The exit status of the process; not 0.
    var exitCode: Int32 { get }
}

/// An error that ends a command, as a sentence for the user.
package struct CommandError: Error, Equatable, ExitCoded, CustomStringConvertible {
    package let description: String
    package let exitCode: Int32
    /// Whether every rank throws the same error, computed from shared data: rank 0 then reports for all.
    package var isEverywhere = false

    /// The user asked for something that can't be done: exit code 2.
    package static func usage(_ message: String) -> CommandError { CommandError(description: message, exitCode: 2) }

    /// Something failed: exit code 1.
    package static func failure(_ message: String) -> CommandError { CommandError(description: message, exitCode: 1) }

    /// This error, thrown by every rank.
    package var everywhere: CommandError {
        var error = self
        error.isEverywhere = true
        return error
    }
}
