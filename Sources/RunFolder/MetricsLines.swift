import FileFormats
import Glibc
import System

/// Iterates over the lines of a metrics file in bounded memory, and parses only where necessary: a long run has
/// millions of lines.
struct MetricsLines {
    private let file: OpenFile
    /// The file offset of the byte after `piece`.
    private var offset: Int
    private var piece: [UInt8] = []
    private var position = 0
    private var isAtEnd = false
    /// The last line read, with its newline if it has one. Empty for a line longer than this program writes, so that
    /// memory stays bounded for any file, such as a sparse one.
    private(set) var line: [UInt8] = []

    private static let longestLine = 1 << 20
    private static let pieceSize = 1 << 16

    /// - Parameter start: the offset to start at; if it is inside a line, the remainder of that line comes first.
    init(of path: String, from start: Int = 0) throws {
        file = try OpenFile.reading(path)
        offset = start
    }

    /// Reads the next line; false at the end.
    mutating func next() throws -> Bool {
        line.removeAll(keepingCapacity: true)
        var isTooLong = false
        var hasBytes = false
        while true {
            if position == piece.count {
                if !isAtEnd {
                    piece = try file.bytes(at: offset, count: Self.pieceSize)
                    position = 0
                    offset += piece.count
                    isAtEnd = piece.count < Self.pieceSize
                }
                if position == piece.count { return hasBytes }
            }
            hasBytes = true
            let newline = Self.newline(in: piece, from: position)
            let end = newline.map { $0 + 1 } ?? piece.count
            isTooLong = isTooLong || line.count + end - position > Self.longestLine
            if isTooLong { line.removeAll(keepingCapacity: true) } else { line += piece[position..<end] }
            position = end
            if newline != nil { return true }
        }
    }

    private static func newline(in bytes: [UInt8], from start: Int) -> Int? {
        bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress,
                let found = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }

    // MARK: - Without parsing

    /// The split and step of a line as this program writes it: a plain object that begins with them. nil for any other
    /// line, which has to be parsed.
    static func beginning(of line: UnsafeBufferPointer<UInt8>) -> (split: Slice<UnsafeBufferPointer<UInt8>>, step: Int)?
    {
        var split: Range<Int>?
        var step: Int?
        var count = 0
        let isPlain = PlainObject.visit(line) { key, value in
            if count == 0, line[key].elementsEqual("split".utf8), line[value.lowerBound] == UInt8(ascii: "\"") {
                split = value.dropFirst().dropLast()
            } else if count == 1, line[key].elementsEqual("step".utf8), value.count <= 15,
                line[value].allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
            {
                // Not a negative number: -0 is no integer for the parser.
                step = Int(String(decoding: line[value], as: UTF8.self))
            }
            count += 1
        }
        guard isPlain, let split, let step else { return nil }
        return (line[split], step)
    }

    /// The text of a plain object's members without those of the given keys. nil for any other line.
    static func members(of line: UnsafeBufferPointer<UInt8>, without keys: [[UInt8]]) -> [UInt8]? {
        var members: [UInt8] = []
        members.reserveCapacity(line.count)
        let isPlain = PlainObject.visit(line) { key, value in
            guard !keys.contains(where: { $0.count == key.count && line[key].elementsEqual($0) }) else { return }
            members += line[key.lowerBound..<value.upperBound]
            members.append(UInt8(ascii: ","))
        }
        return isPlain ? members : nil
    }
}

/// A line of JSON that needs no parser: an object of numbers, strings and literals in ASCII, without white space or
/// escapes, and with a newline. A line found to be plain is valid JSON; the reverse does not hold.
private enum PlainObject {
    /// Calls `body` with the ranges of each key, without its quotes, and each value. Returns whether the line is plain.
    static func visit(
        _ line: UnsafeBufferPointer<UInt8>, _ body: (_ key: Range<Int>, _ value: Range<Int>) -> Void
    ) -> Bool {
        let last = line.count - 2
        guard last > 1, line[0] == UInt8(ascii: "{"), line[last] == UInt8(ascii: "}"),
            line[last + 1] == UInt8(ascii: "\n")
        else { return false }
        var keys: [Range<Int>] = []
        keys.reserveCapacity(20)
        var index = 1
        while true {
            guard let key = text(line, at: index, before: last), key.upperBound < last,
                line[key.upperBound] == UInt8(ascii: ":")
            else { return false }
            let name = key.dropFirst().dropLast()
            let isDouble = keys.contains { $0.count == name.count && line[$0].elementsEqual(line[name]) }
            let start = key.upperBound + 1
            guard !isDouble, let end = value(line, at: start, before: last) else { return false }
            keys.append(name)
            body(name, start..<end)
            if end == last { return true }
            guard line[end] == UInt8(ascii: ",") else { return false }
            index = end + 1
        }
    }

    /// The range of a string with its quotes.
    private static func text(_ line: UnsafeBufferPointer<UInt8>, at start: Int, before last: Int) -> Range<Int>? {
        guard start < last, line[start] == UInt8(ascii: "\"") else { return nil }
        var index = start + 1
        while index < last, line[index] != UInt8(ascii: "\"") {
            guard 0x20..<0x7F ~= line[index], line[index] != UInt8(ascii: "\\") else { return nil }
            index += 1
        }
        return index < last ? start..<index + 1 : nil
    }

    /// The end of a value.
    private static func value(_ line: UnsafeBufferPointer<UInt8>, at start: Int, before last: Int) -> Int? {
        guard start < last else { return nil }
        if line[start] == UInt8(ascii: "\"") { return text(line, at: start, before: last)?.upperBound }
        let end = line[start..<last].firstIndex(of: UInt8(ascii: ",")) ?? last
        let value = line[start..<end]
        let isLiteral = ["true", "false", "null"].contains { value.elementsEqual($0.utf8) }
        return isLiteral || isNumber(value) ? end : nil
    }

    /// Whether the bytes are a number in JSON's grammar that is far from the limits of Double.
    private static func isNumber(_ value: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        var remaining = value
        func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
        func digits() -> Int {
            let digits = remaining.prefix(while: isDigit)
            remaining = remaining[digits.endIndex...]
            return digits.count
        }
        if remaining.first == UInt8(ascii: "-") { remaining.removeFirst() }
        let isZero = remaining.first == UInt8(ascii: "0")
        let whole = digits()
        guard 1...18 ~= whole, whole == 1 || !isZero else { return false }
        if remaining.first == UInt8(ascii: ".") {
            remaining.removeFirst()
            guard 1...30 ~= digits() else { return false }
        }
        if let first = remaining.first, first == UInt8(ascii: "e") || first == UInt8(ascii: "E") {
            remaining.removeFirst()
            if let sign = remaining.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
                remaining.removeFirst()
            }
            guard 1...2 ~= digits() else { return false }
        }
        return remaining.isEmpty
    }
}
