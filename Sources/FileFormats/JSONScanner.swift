import System

/// A pull parser of JSON (RFC 8259): only values that the caller asks for are built.
///
/// Stricter than the standard in one respect: duplicate members of an object are refused unless the caller allows them.
/// It also limits the depth. Throws `JSONSyntaxError`. The bytes must outlive the scanner.
struct JSONScanner {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0
    private var depth = 0

    /// Maximum nesting of objects and arrays, which bounds the recursion for any bytes. The same as in serde_json,
    /// which the reference implementation of safetensors uses.
    static let deepest = 127

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Reads the next value completely.
    mutating func value() throws -> JSONValue {
        switch try next("a value") {
        case UInt8(ascii: "{"):
            var members: [(key: String, value: JSONValue)] = []
            try object { scanner, key in members.append((key: key, value: try scanner.value())) }
            return .object(members)
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            try array { scanner in elements.append(try scanner.value()) }
            return .array(elements)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case let byte where Self.beginsNumber(byte): return try number()
        default: throw unexpected("a value")
        }
    }

    private static func beginsNumber(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }

    /// Skips the next value, which must be well-formed; duplicate members are allowed.
    mutating func skip() throws {
        switch try next("a value") {
        case UInt8(ascii: "{"): try object(allowingDuplicates: true) { scanner, _ in try scanner.skip() }
        case UInt8(ascii: "["): try array { scanner in try scanner.skip() }
        default: _ = try value()
        }
    }

    /// Skips a null; returns false and skips nothing if the next value is another.
    mutating func takeNull() throws -> Bool {
        guard try next("a value") == UInt8(ascii: "n") else { return false }
        _ = try value()
        return true
    }

    /// Whether the next value begins with this character: `{`, `[` or `"`.
    mutating func comes(_ opening: Character) throws -> Bool { try next("a value") == opening.asciiValue }

    /// Reads an object; `member` is called with each key and must read its value.
    mutating func object(
        allowingDuplicates: Bool = false, _ member: (inout JSONScanner, String) throws -> Void
    ) throws {
        var keys: Set<String> = []
        try list(UInt8(ascii: "{"), UInt8(ascii: "}")) { scanner in
            let start = scanner.offset
            let key = try scanner.string()
            if !allowingDuplicates, !keys.insert(key).inserted {
                throw JSONSyntaxError(offset: start, problem: "duplicate key \"\(shown(key))\"")
            }
            try scanner.take(UInt8(ascii: ":"))
            try member(&scanner, key)
        }
    }

    /// Reads an array; `element` is called at each element and must read it.
    mutating func array(_ element: (inout JSONScanner) throws -> Void) throws {
        try list(UInt8(ascii: "["), UInt8(ascii: "]"), element)
    }

    private mutating func list(
        _ opening: UInt8, _ closing: UInt8, _ element: (inout JSONScanner) throws -> Void
    ) throws {
        try take(opening)
        depth += 1
        guard depth <= Self.deepest else {
            throw JSONSyntaxError(offset: offset - 1, problem: "more than \(Self.deepest) levels of nesting")
        }
        let end = "'\(Character(UnicodeScalar(closing)))'"
        if try next("a value or \(end)") != closing {
            skipBlanks()
            try element(&self)
            while try next("',' or \(end)") != closing {
                guard peek == UInt8(ascii: ",") else { throw unexpected("',' or \(end)") }
                offset += 1
                skipBlanks()
                try element(&self)
            }
        }
        offset += 1
        depth -= 1
    }

    /// Reads a non-negative integer that fits into UInt.
    mutating func count() throws -> UInt {
        skipBlanks()
        let start = offset
        if let byte = peek, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte {
            _ = try number()
            if let count = UInt(String(decoding: bytes[start..<offset], as: UTF8.self)) { return count }
        }
        throw JSONSyntaxError(offset: start, problem: "expected a whole number from 0 to \(UInt.max)")
    }

    /// Refuses anything but white space up to the end.
    mutating func end() throws {
        skipBlanks()
        if offset < bytes.count { throw unexpected("the end") }
    }

    mutating func string() throws -> String {
        try take(UInt8(ascii: "\""))
        let start = offset
        var unescaped: [UInt8] = []
        var pieceStart = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                unescaped.append(contentsOf: bytes[pieceStart..<offset])
                offset += 1
                guard let string = String(validating: unescaped, as: UTF8.self) else {
                    throw JSONSyntaxError(offset: start, problem: "the string is not valid UTF-8")
                }
                return string
            case UInt8(ascii: "\\"):
                unescaped.append(contentsOf: bytes[pieceStart..<offset])
                unescaped.append(contentsOf: try escape())
                pieceStart = offset
            case 0..<0x20:
                throw JSONSyntaxError(offset: offset, problem: "control character in a string")
            default:
                offset += 1
            }
        }
        throw JSONSyntaxError(offset: start - 1, problem: "the string that begins here does not end")
    }

    private mutating func escape() throws -> [UInt8] {
        let start = offset
        let invalid = JSONSyntaxError(offset: start, problem: "invalid escape sequence")
        guard offset + 1 < bytes.count else { throw invalid }
        let letter = bytes[offset + 1]
        offset += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [letter]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"):
            guard var code = codeUnit() else { throw invalid }
            if 0xD800..<0xDC00 ~= code {
                guard offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
                    bytes[offset + 1] == UInt8(ascii: "u")
                else { throw invalid }
                offset += 2
                guard let low = codeUnit(), 0xDC00..<0xE000 ~= low else { throw invalid }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw invalid }
            return Array(String(Character(scalar)).utf8)
        default: throw invalid
        }
    }

    /// The four hexadecimal digits at the offset.
    private mutating func codeUnit() -> UInt32? {
        guard offset + 4 <= bytes.count else { return nil }
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(UnicodeScalar(bytes[offset])).hexDigitValue else { return nil }
            code = code << 4 | UInt32(digit)
            offset += 1
        }
        return code
    }

    private mutating func number() throws -> JSONValue {
        let start = offset
        var isInteger = true
        if peek == UInt8(ascii: "-") { offset += 1 }
        if peek == UInt8(ascii: "0") { offset += 1 } else { try digits(from: start) }
        if peek == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            try digits(from: start)
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            isInteger = false
            offset += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { offset += 1 }
            try digits(from: start)
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if isInteger, text != "-0", let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else {
            throw JSONSyntaxError(offset: start, problem: "the number exceeds the range of Double")
        }
        return .number(number)
    }

    private mutating func digits(from start: Int) throws {
        let first = offset
        while let byte = peek, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { offset += 1 }
        if offset == first {
            throw JSONSyntaxError(offset: start, problem: "a digit is missing in the number")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws -> JSONValue {
        let length = word.utf8CodeUnitCount
        guard bytes.count - offset >= length, bytes[offset..<offset + length].elementsEqual("\(word)".utf8) else {
            throw unexpected("a value")
        }
        offset += length
        return value
    }

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipBlanks() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    private mutating func next(_ expected: String) throws -> UInt8 {
        skipBlanks()
        guard let byte = peek else { throw unexpected(expected) }
        return byte
    }

    private mutating func take(_ byte: UInt8) throws {
        let name = "'\(Character(UnicodeScalar(byte)))'"
        guard try next(name) == byte else { throw unexpected(name) }
        offset += 1
    }

    private func unexpected(_ expected: String) -> JSONSyntaxError {
        guard let byte = peek else {
            return JSONSyntaxError(offset: offset, problem: "expected \(expected), found the end")
        }
        let isShown = byte > 0x20 && byte < 0x7F
        let found = isShown ? "'\(Character(UnicodeScalar(byte)))'" : "byte \(byte)"
        return JSONSyntaxError(offset: offset, problem: "expected \(expected), found \(found)")
    }
}

/// A syntax error at a byte offset.
package struct JSONSyntaxError: Error {
    package let offset: Int
    package let problem: String
}

extension JSONValue {
    /// Parses bytes with exactly one value.
    package init(exactly bytes: UnsafeRawBufferPointer) throws(JSONSyntaxError) {
        do {
            var scanner = JSONScanner(bytes)
            self = try scanner.value()
            try scanner.end()
        } catch let error as JSONSyntaxError {
            throw error
        } catch {
            preconditionFailure("a scanner has no other errors: \(error)")
        }
    }

    /// Parses a text with exactly one value; `source` names it in the error.
    package init(parsing text: String, from source: String = "The text") throws {
        self = try Array(text.utf8).withUnsafeBytes { try JSONValue(parsing: $0, from: source) }
    }

    /// Parses bytes with exactly one value; `source` names them in the error.
    package init(parsing bytes: UnsafeRawBufferPointer, from source: String = "The text") throws {
        do throws(JSONSyntaxError) {
            self = try JSONValue(exactly: bytes)
        } catch {
            let before = bytes[..<error.offset]
            let newline = UInt8(ascii: "\n")
            let lineStart = before.lastIndex(of: newline).map { $0 + 1 } ?? 0
            throw FileFormatError.notJSON(
                source: source, line: before.count { $0 == newline } + 1, column: error.offset - lineStart + 1,
                problem: error.problem)
        }
    }
}
