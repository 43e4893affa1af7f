/// A reader under test: the files it is given, and how the program reads them.
package struct FuzzReader: Sendable {
    /// Generates a mutated file from random numbers.
    package typealias Mutations = @Sendable (inout FuzzRandom) -> [UInt8]

    package let name: String
    /// The number of mutations of a full run.
    package let fullCount: Int
    /// The mutated file's path in the reader's folder.
    let file: String
    /// The path that every message must contain: the file, or its folder.
    let subject: String
    /// Writes the folder's other files.
    let begin: @Sendable (_ folder: String) throws -> Mutations
    /// Reads the file as the program does, checks the reader's invariants, and returns a description of what was read.
    let read: @Sendable (_ place: Place, _ random: inout FuzzRandom) throws -> String

    /// The mutated file, if the reader's folder is this one.
    package func path(in folder: String) -> String { "\(folder)/\(file)" }

    /// A reader's folder and file.
    package struct Place: Sendable {
        package let folder: String
        package let path: String
    }

    package init(
        _ name: String, file: String, subject: String? = nil, fullCount: Int = 20_000,
        begin: @escaping @Sendable (_ folder: String) throws -> Mutations,
        read: @escaping @Sendable (_ place: Place, _ random: inout FuzzRandom) throws -> String
    ) {
        self.name = name
        self.fullCount = fullCount
        self.file = file
        self.subject = subject ?? file
        self.begin = begin
        self.read = read
    }
}

/// An invariant of what was read is violated: an error of the reader.
struct Contradiction: Error, CustomStringConvertible {
    let description: String
}
