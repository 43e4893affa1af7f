package import FileFormats
import Glibc
import Synchronization
import System

/// metrics.jsonl: one JSON object per line, with its `split` and `step`.
///
/// A line that can't be written is kept in memory and written later, in order; a part of it that went into the file is
/// removed. One thread appends lines; another may call `sync`.
package final class MetricsFile: Sendable {
    package let path: String
    private let contents: Mutex<Contents>

    /// Opens the file for appending, or creates it. A link is refused: in a run folder from somebody else it could
    /// point to any file of the user's, which `cut` would then truncate.
    package init(path: String) throws {
        if let target = FolderCalls.linkTarget(path) {
            throw RunFolderError.strangeLink(path: path, target: target, expected: "a file in the run folder itself")
        }
        self.path = path
        contents = Mutex(try Contents(path: path))
    }

    /// Adds one line; when this returns, other processes see it.
    /// - Throws: `SystemError` if it can't be written now; the next `append` or `sync` tries again.
    package func append(_ line: JSONValue) throws {
        try contents.withLock { contents in
            contents.waiting.append(line.text + "\n")
            try contents.writeWaiting()
        }
    }

    /// Returns once all lines are on the disk. Call it before a checkpoint, so that its metrics survive with it.
    package func sync() throws {
        // Not under the lock: a slow disk must not block `append`.
        let file = try contents.withLock { contents in
            try contents.writeWaiting()
            if contents.isUncertain { try contents.rewrite(path) }
            return contents.file
        }
        do {
            try file.sync()
        } catch {
            contents.withLock { $0.isUncertain = true }
            throw error
        }
    }

    /// Truncates the file to its state at the checkpoint of `step`, so that the resumed run appends what is missing.
    ///
    /// Removes lines of later steps, lines of the test split, which are written after training (those of `step` that
    /// stay were written before the checkpoint), and a line torn by a crash. A line that only lacks its newline gets
    /// one. The file is replaced or truncated atomically.
    ///
    /// - Parameter beforeValidation: the checkpoint was written before a validation of the same step, whose line is
    ///   removed too.
    /// - Returns: the numbers of lines kept and removed.
    @discardableResult
    package func cut(after step: Int, beforeValidation: Bool = false) throws -> (kept: Int, removed: Int) {
        var kept = 0
        var removed = 0
        var keptSize = 0
        var isBeginning = true  // The kept lines are a prefix of the file, byte for byte.
        try Self.forEachLine(of: path) { line in
            guard Self.stays(line, step, beforeValidation) else {
                removed += 1
                return
            }
            let isWhole = line.last == UInt8(ascii: "\n")
            isBeginning = isBeginning && removed == 0 && isWhole
            kept += 1
            keptSize += line.count
        }
        try contents.withLock { contents in
            if isBeginning {
                try contents.file.truncate(to: keptSize)
                try contents.file.sync()
            } else {
                try AtomicFile.write(to: path) { new in
                    try Self.forEachLine(of: path) { line in
                        guard Self.stays(line, step, beforeValidation) else { return }
                        try new.write(UnsafeRawBufferPointer(line))
                        if line.last != UInt8(ascii: "\n") { try new.write("\n") }
                    }
                }
            }
            contents = try Contents(path: path)
        }
        return (kept, removed)
    }

    /// The last line of each split, by its name. Unreadable lines are ignored.
    package func lastLines() throws -> [String: JSONValue] { try Self.lastLines(of: path) }

    /// The last line of each split in the last 16 MiB of the file at `path`, some 80,000 lines; a split without a line
    /// there is left out.
    package static func lastLines(of path: String) throws -> [String: JSONValue] {
        var last: [String: JSONValue] = [:]
        let size = try OpenFile.reading(path).size()
        try forEachReadableLine(of: path, from: max(0, size - lastBytes)) { line in
            if let split = line["split"]?.stringValue { last[split] = line }
        }
        return last
    }

    private static let lastBytes = 16 << 20

    /// All lines of the file at `path`. Unreadable lines are ignored.
    package static func lines(of path: String) throws -> [JSONValue] {
        var lines: [JSONValue] = []
        try forEachReadableLine(of: path) { lines.append($0) }
        return lines
    }

    private static func forEachReadableLine(
        of path: String, from start: Int = 0, _ body: (JSONValue) -> Void
    ) throws {
        try forEachLine(of: path, from: start) { line in
            if let json = try? JSONValue(parsing: UnsafeRawBufferPointer(line)) { body(json) }
        }
    }

    private static func stays(_ line: UnsafeBufferPointer<UInt8>, _ step: Int, _ beforeValidation: Bool) -> Bool {
        if let (split, lineStep) = MetricsLines.beginning(of: line) {
            return lineStep <= step && !split.elementsEqual("test".utf8)
                && !(beforeValidation && lineStep == step && split.elementsEqual("validation".utf8))
        }
        guard let json = try? JSONValue(parsing: UnsafeRawBufferPointer(line)),
            let lineStep = json["step"]?.integerValue
        else { return false }
        let split = json["split"]?.stringValue
        return lineStep <= step && split != "test" && !(beforeValidation && lineStep == step && split == "validation")
    }

    /// Calls `body` with each line (`MetricsLines.line`).
    private static func forEachLine(
        of path: String, from start: Int = 0, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws {
        var lines = try MetricsLines(of: path, from: start)
        while try lines.next() { try lines.line.withUnsafeBufferPointer(body) }
    }
}

/// The open file, and the lines that are not yet written.
private struct Contents {
    var file: OpenFile
    /// Bytes of the complete lines in the file; any beyond are a part of one.
    private var size: Int
    /// A line was written in part, and the part has not been removed yet.
    private var isTorn = false
    /// A sync has failed: the system then drops the data it could not write, so the success of a second sync proves
    /// nothing.
    var isUncertain = false
    var waiting: [String] = []
    private static let pieceSize = 1 << 20

    init(path: String) throws {
        file = try OpenFile.appending(path)
        size = try file.size()
    }

    mutating func writeWaiting() throws {
        var written = 0
        defer { waiting.removeFirst(written) }
        for line in waiting {
            try takeBackPart()
            do {
                try file.write(line)
            } catch {
                isTorn = true
                try? takeBackPart()
                throw error
            }
            size += line.utf8.count
            written += 1
        }
    }

    private mutating func takeBackPart() throws {
        guard isTorn else { return }
        try file.truncate(to: size)
        isTorn = false
    }

    /// Replaces the file by a copy, so that its contents are written to the disk again.
    mutating func rewrite(_ path: String) throws {
        let old = try OpenFile.reading(path)
        try AtomicFile.write(to: path) { new in
            for offset in stride(from: 0, to: size, by: Self.pieceSize) {
                let bytes = try old.bytes(at: offset, count: min(Self.pieceSize, size - offset))
                try bytes.withUnsafeBytes { try new.write($0) }
            }
        }
        file = try OpenFile.appending(path)
        isUncertain = false
    }
}
