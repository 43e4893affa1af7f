import System
package import Tensors

/// A text as a batch of contiguous streams: stream s of S begins at token s · (L / S); the remainder is dropped. A step
/// reads the next `window` inputs of every stream, and as targets the tokens that follow them.
///
/// Training drops a shorter last window; validation keeps it, so that every token with a successor is scored.
package struct TextStreams: SequenceSource {
    private let text: TokenText
    private let start: Int
    private let streams: Int
    private let streamLength: Int
    private let window: Int
    private let keepsShortWindow: Bool
    /// The position of each stream read so far: the cursor is after `last`, the token at `position`.
    private var readers: [Int: Reader] = [:]
    private var run: [Int32] = []

    private struct Reader {
        var cursor: TokenCursor
        var position: Int
        var last: Int32
    }

    package let carriesState = true

    /// The fewest tokens of a stream that is scored: an input and its target.
    package static let shortestStream = 2

    /// - Throws: `StreamError` if the streams are too short for one step.
    package init(
        _ text: TokenText, _ range: Range<Int>, batch: Int, window: Int, keepsShortWindow: Bool, batchKey: String
    ) throws {
        self.text = text
        start = range.lowerBound
        streams = batch
        streamLength = range.count / batch
        self.window = window
        self.keepsShortWindow = keepsShortWindow
        let needed = keepsShortWindow ? Self.shortestStream : window + 1
        guard streamLength >= needed else {
            throw StreamError(
                paths: text.files.paths, tokens: range.count, streams: batch, streamLength: needed, batchKey: batchKey)
        }
    }

    package var stepsPerEpoch: Int {
        keepsShortWindow ? (streamLength - 1 + window - 1) / window : (streamLength - 1) / window
    }

    package var longestWindow: Int { min(window, streamLength - 1) }
    package func rows(inStep step: Int) -> Int { streams }

    package mutating func read(_ rows: Range<Int>, step: Int, epoch: Int, into batch: inout Batch) throws {
        let first = step * window
        let count = min(window, streamLength - 1 - first)
        batch.reshape(window: count, sequences: rows.count, for: shape)
        batch.firstStream = rows.lowerBound
        batch.position = (epoch - 1) * stepsPerEpoch * window + first
        if run.count < count { run = [Int32](repeating: 0, count: count) }
        for (b, stream) in rows.enumerated() {
            let begin = start + stream * streamLength + first
            var reader = try reader(of: stream, at: begin)
            try run.withUnsafeMutableBufferPointer { try reader.cursor.read(into: .init(rebasing: $0[0..<count])) }
            var input = reader.last
            for t in 0..<count {
                batch.tokens[t * rows.count + b] = input
                input = run[t]
                batch.targets[t * rows.count + b] = input
            }
            reader.last = input
            reader.position = begin + count
            readers[stream] = reader
        }
    }

    /// A reader that has just read the token at `position`: the stored one at the end of the last window, else a new
    /// one.
    private func reader(of stream: Int, at position: Int) throws -> Reader {
        if let reader = readers[stream], reader.position == position { return reader }
        var cursor = try text.cursor(at: position)
        let token = try cursor.next()
        return Reader(cursor: cursor, position: position, last: token)
    }

    private var shape: TaskShape {
        TaskShape(input: .tokens(vocabulary: text.vocabulary.count), output: .classes(text.vocabulary.count))
    }
}

/// A text that is too short for its streams.
package struct StreamError: Error, Equatable, CustomStringConvertible, ExitCoded {
    package var exitCode: Int32 { 2 }
    package let paths: [String]
    package let tokens: Int
    package let streams: Int
    /// Tokens that each stream needs for one step.
    package let streamLength: Int
    package let batchKey: String

    package var description: String {
        let name = paths.count == 1 ? paths[0] : "\(paths[0]) and \(paths.count - 1) more"
        guard streams > 1 || streamLength > TextStreams.shortestStream else {
            return
                "\(name): a text of \(tokens == 1 ? "1 token" : "\(tokens) tokens") cannot be scored; accepted: at least "
                + "\(streamLength) tokens"
        }
        return "\(name): \(tokens) tokens are too few for \(batchKey) \(streams): \(streams) streams of at least "
            + "\(streamLength) tokens need \(streams * streamLength); use a longer text or a smaller "
            + (streamLength > 2 ? "\(batchKey) or training.window" : batchKey)
    }
}
