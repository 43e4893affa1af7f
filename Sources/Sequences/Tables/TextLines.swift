import System

/// The lines of a file, without their ends (LF or CRLF) and without a byte order mark.
struct TextLines: Sequence, IteratorProtocol {
    /// A part of a line.
    struct Field {
        let bytes: Slice<UnsafeBufferPointer<UInt8>>
        /// From 1.
        let line: Int
        /// Of its first byte in the line, from 1.
        let column: Int

        var isEmpty: Bool { bytes.isEmpty }
        func begins(with byte: Character) -> Bool { bytes.first == byte.asciiValue }

        /// nil: not UTF-8.
        var text: String? { String(validating: bytes, as: UTF8.self) }

        /// For messages, in quotes.
        var shownText: String {
            "\"\(shown(String(decoding: bytes, as: UTF8.self), limit: 30))\""
        }

        /// Without white space around it.
        var trimmed: Field {
            func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
            let first = bytes.firstIndex { !isSpace($0) } ?? bytes.endIndex
            let last = bytes.lastIndex { !isSpace($0) } ?? bytes.endIndex
            guard first < bytes.endIndex else { return self[bytes.endIndex..<bytes.endIndex] }
            return self[first..<last + 1]
        }

        subscript(range: Range<Int>) -> Field {
            Field(bytes: bytes[range], line: line, column: column + range.lowerBound - bytes.startIndex)
        }

        /// The parts between separators, empty ones included.
        func split(at separator: Character) -> [Field] {
            var parts: [Field] = []
            var first = bytes.startIndex
            for index in bytes.indices where bytes[index] == separator.asciiValue {
                parts.append(self[first..<index])
                first = index + 1
            }
            parts.append(self[first..<bytes.endIndex])
            return parts
        }
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset: Int
    private var line = 0

    /// - Parameter bytes: outlive the lines and their fields.
    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        offset = markLength(of: bytes)
    }

    mutating func next() -> Field? {
        guard offset < bytes.count else { return nil }
        line += 1
        let end = bytes[offset...].firstIndex(of: 0x0A) ?? bytes.count
        let hasReturn = end > offset && bytes[end - 1] == 0x0D
        defer { offset = end + 1 }
        return Field(bytes: bytes[offset..<(hasReturn ? end - 1 : end)], line: line, column: 1)
    }
}

extension TextLines.Field {
    /// A value: a finite decimal number, or NaN for one that is missing (`?` or `NaN`).
    ///
    /// - Parameter path: for messages.
    func value(path: String) throws(TableError) -> Float {
        let field = trimmed
        let isMissing = field.bytes.elementsEqual("?".utf8) || field.text?.lowercased() == "nan"
        guard !isMissing else { return .nan }
        let isDecimal = field.bytes.allSatisfy { "+-.0123456789eE".utf8.contains($0) }
        guard isDecimal, let text = field.text, let value = Float(text), value.isFinite else {
            throw TableError(
                path: path, line: line, column: field.column,
                found: field.isEmpty ? "no value" : field.shownText,
                accepted: "a decimal number in the range of Float, or ? or NaN for a missing value")
        }
        return value
    }
}
