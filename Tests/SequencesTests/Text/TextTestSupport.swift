import Sequences
import TestSupport

extension TemporaryFolder {
    /// Writes a file and returns its path.
    @discardableResult
    func write(_ bytes: some Sequence<UInt8>, as name: String = "text.txt") throws -> String {
        try file(name, Array(bytes))
    }

    /// The texts as files of one split, in order.
    func files(_ texts: String...) throws -> TextFiles { try files(texts) }

    func files(_ texts: [String]) throws -> TextFiles {
        let paths = try texts.enumerated().map { try write($1.utf8, as: "\($0).txt") }
        return try TextFiles(patterns: paths, place: "test")
    }
}

/// The error that `body` throws; nil if it throws none.
func textFailure(_ body: () throws -> Void) -> TextError? {
    do {
        try body()
        return nil
    } catch {
        return error as? TextError
    }
}

/// All tokens from `position` on, in one read; none if they can't be read.
func tokens(of text: TokenText, from position: Int = 0) -> [Int32] {
    guard var cursor = try? text.cursor(at: position) else { return [] }
    let tokens = try? [Int32](unsafeUninitializedCapacity: text.count - position) { buffer, count in
        count = text.count - position
        buffer.initialize(repeating: -1)
        try cursor.read(into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
    }
    return tokens ?? []
}

/// All tokens as text.
func spelling(of text: TokenText) -> [String?] {
    tokens(of: text).map { text.vocabulary.text(of: Int($0)) }
}

/// The vocabulary's tokens as text.
func spelling(of vocabulary: Vocabulary) -> [String?] {
    (0..<vocabulary.count).map { vocabulary.text(of: $0) }
}
