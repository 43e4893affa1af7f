import FileFormats
package import System

/// A reader of a file format. A new one is a file in this folder and a line in `ReaderTable`.
package protocol SequenceReader: Sendable {
    /// The value of `data.format`.
    static var format: String { get }
    /// The file name's endings by which `data.format: auto` chooses it.
    static var endings: [String] { get }
    /// Appends a file's sequences to a table.
    static func read(_ file: MappedFile, into table: inout SequenceTable) throws(TableError)
}

/// All readers. Tests walk this table.
package enum ReaderTable {
    package static let all: [any SequenceReader.Type] = [TSReader.self, JSONLinesReader.self, CoNLLReader.self]

    static let automatic = "auto"

    /// Reads some files, one after the other.
    ///
    /// - Parameter format: a reader's, or `auto`.
    static func read(_ files: TextFiles, format: String) throws(TableError) -> SequenceTable {
        var table = SequenceTable()
        for file in files.files {
            try reader(of: file.path, format: format).read(file, into: &table)
            file.forgetPages()
        }
        return table
    }

    private static func reader(of path: String, format: String) throws(TableError) -> any SequenceReader.Type {
        let name = CompressedFile.plainName(path).lowercased()
        if let reader = all.first(where: { reader in
            format == automatic ? reader.endings.contains { name.hasSuffix(".\($0)") } : reader.format == format
        }) {
            return reader
        }
        throw TableError(
            path: path, found: "a file name without the ending of a format",
            accepted:
                "data.format, or an ending of \(all.flatMap { $0.endings }.map { ".\($0)" }.joined(separator: ", "))")
    }
}
