package import FileFormats
import Glibc

/// metrics.jsonl: one JSON object a line, each with its `split` and `step`.
package final class MetricsFile {
    package let path: String
    private var file: OpenFile

    /// Opens the file for appending; it is made if it isn't there.
    package init(path: String) throws {
        self.path = path
        file = try OpenFile.appending(path)
    }

    /// Adds one line; when this returns, other processes see it.
    package func append(_ line: JSONValue) throws { try file.write(line.text + "\n") }

    /// Returns once all lines are on the disk; call it before a checkpoint, so that its metrics survive with it.
    package func sync() throws { try file.sync() }

    /// Cuts the file back to where a run stood when it wrote its checkpoint of `step`, so that the resumed run adds
    /// what is missing.
    ///
    /// Lines of later steps go, and lines of the test data, which are written after training's end: those of `step`
    /// itself that stay were written before the checkpoint. A line that a crash tore goes too; one that only lacks its
    /// newline gets it. The file is replaced in one step, or shortened in one.
    /// - Returns: how many lines stayed and how many went.
    @discardableResult
    package func cut(after step: Int) throws -> (kept: Int, removed: Int) {
        var kept = 0
        var removed = 0
        var keptSize = 0
        var isBeginning = true  // What stays is the file's beginning, byte for byte.
        try Self.forEachLine(of: path) { line in
            guard Self.stays(line, step) else {
                removed += 1
                return
            }
            let isWhole = line.last == UInt8(ascii: "\n")
            isBeginning = isBeginning && removed == 0 && isWhole
            kept += 1
            keptSize += line.count
        }
        if isBeginning {
            try file.truncate(to: keptSize)
            try file.sync()
        } else {
            try AtomicFile.write(to: path) { new in
                try Self.forEachLine(of: path) { line in
                    guard Self.stays(line, step) else { return }
                    try new.write(UnsafeRawBufferPointer(line))
                    if line.last != UInt8(ascii: "\n") { try new.write("\n") }
                }
            }
            file = try OpenFile.appending(path)
        }
        return (kept, removed)
    }

    /// The last line of each split, by its name. Lines that can't be read are passed over.
    package func lastLines() throws -> [String: JSONValue] { try Self.lastLines(of: path) }

    /// The same of a file that is only read.
    package static func lastLines(of path: String) throws -> [String: JSONValue] {
        var last: [String: JSONValue] = [:]
        try forEachReadableLine(of: path) { line in
            if let split = line["split"]?.stringValue { last[split] = line }
        }
        return last
    }

    /// All lines of a file, which is only read. Lines that can't be read are passed over.
    package static func lines(of path: String) throws -> [JSONValue] {
        var lines: [JSONValue] = []
        try forEachReadableLine(of: path) { lines.append($0) }
        return lines
    }

    private static func forEachReadableLine(of path: String, _ body: (JSONValue) -> Void) throws {
        try forEachLine(of: path) { line in
            if let json = try? JSONValue(parsing: UnsafeRawBufferPointer(line)) { body(json) }
        }
    }

    private static func stays(_ line: UnsafeBufferPointer<UInt8>, _ step: Int) -> Bool {
        guard let json = try? JSONValue(parsing: UnsafeRawBufferPointer(line)),
            let lineStep = json["step"]?.integerValue
        else { return false }
        return lineStep <= step && json["split"]?.stringValue != "test"
    }

    /// Calls `body` with each line, its newline included if it has one.
    private static func forEachLine(of path: String, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void) throws {
        guard let stream = fopen(path, "re") else { throw FileFormatError.cannotRead(path: path, code: errno) }
        defer { fclose(stream) }
        var text: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(text) }
        while true {
            let count = getline(&text, &capacity, stream)
            guard count > 0, let text else { break }
            try text.withMemoryRebound(to: UInt8.self, capacity: count) {
                try body(UnsafeBufferPointer(start: $0, count: count))
            }
        }
        if ferror(stream) != 0 { throw FileFormatError.cannotRead(path: path, code: errno) }
    }
}
