import Sequences
import System
import TestSupport

extension SequenceReader {
    /// Reads a file with this text, `a.` and the reader's first ending.
    static func read(_ text: String, in folder: TemporaryFolder) throws -> SequenceTable {
        let name = "a.\(endings[0])"
        try folder.write(text, to: name)
        var table = SequenceTable()
        try read(MappedFile(path: folder.file(name)), into: &table)
        return table
    }
}
