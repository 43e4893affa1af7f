/// A reader of files: what it is given, and how the program reads it.
package struct FuzzReader: Sendable {
    /// Makes the mutated file of a random number's choice.
    package typealias Mutations = @Sendable (inout FuzzRandom) -> [UInt8]

    package let name: String
    /// How many mutations a full run tries.
    package let fullCount: Int
    /// Where the mutated file stands in the reader's folder.
    let file: String
    /// What every message must name: the file, or the folder that stands for it.
    let subject: String
    /// Writes what else stands in the folder.
    let begin: @Sendable (_ folder: String) throws -> Mutations
    /// Reads the file as the program does, checks what must hold of anything that is read, and returns what was read in words.
    let read: @Sendable (_ place: Place, _ random: inout FuzzRandom) throws -> String

    /// The mutated file, if the reader's folder is this one.
    package func path(in folder: String) -> String { "\(folder)/\(file)" }

    /// Where a reader reads.
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

/// Something was read that contradicts itself: a fault of the reader.
struct Contradiction: Error, CustomStringConvertible {
    let description: String
}
