import Sequences
import Tensors
import TestSupport
import Testing

/// How a text is divided.
private struct Cut: Sendable, CustomTestStringConvertible {
    let range: Range<Int>
    let batch: Int
    let window: Int
    let keepsShortWindow: Bool
    var testDescription: String {
        "\(range) into \(batch) by \(window)\(keepsShortWindow ? ", short window kept" : "")"
    }

    static let all: [Cut] = [
        (0..<100, 4, 6), (0..<103, 4, 6), (7..<94, 5, 3), (0..<100, 1, 99), (0..<100, 1, 98),
        (3..<40, 3, 1), (0..<100, 10, 9), (20..<100, 8, 4), (0..<100, 49, 1), (0..<100, 7, 200),
    ]
    .flatMap { range, batch, window in
        [false, true].map { Cut(range: range, batch: batch, window: window, keepsShortWindow: $0) }
    }
    .filter { $0.keepsShortWindow || $0.range.count / $0.batch > $0.window }

    /// The inputs and targets of every step, stream by stream: a reshape of the list of tokens.
    func plain(_ tokens: [Int32]) -> [(inputs: [[Int32]], targets: [[Int32]])] {
        let length = range.count / batch
        let streams = (0..<batch).map { Array(tokens[range][(range.lowerBound + $0 * length)...].prefix(length)) }
        var steps: [(inputs: [[Int32]], targets: [[Int32]])] = []
        var first = 0
        while keepsShortWindow ? first + 1 < length : first + window < length {
            let end = min(first + window, length - 1)
            steps.append((streams.map { Array($0[first..<end]) }, streams.map { Array($0[first + 1...end]) }))
            first += window
        }
        return steps
    }
}

@Suite("Text as streams")
struct TextStreamsTests {
    private let folder: TemporaryFolder
    private let text: TokenText
    private let list: [Int32]

    init() throws {
        folder = try TemporaryFolder()
        var random = SeededRandom(11)
        let characters = (0..<100 + 3).map { _ in "aéb∀c😀d".randomElement(using: &random) ?? "a" }
        // Two files and a mark every seven tokens, so that streams begin between marks.
        let files = try folder.files(String(characters[..<41]), String(characters[41...]))
        text = try TokenText(files, vocabulary: .ofCharacters(in: files), interval: 7)
        list = tokens(of: text)
    }

    private func streams(_ cut: Cut) throws -> TextStreams {
        try TextStreams(
            text, cut.range, batch: cut.batch, window: cut.window, keepsShortWindow: cut.keepsShortWindow,
            batchKey: "training.batch")
    }

    /// Reads rows of a step and compares each with the plain list's.
    private func compare(
        _ streams: inout TextStreams, _ batch: inout Batch, _ rows: Range<Int>, step: Int, epoch: Int,
        _ plain: [(inputs: [[Int32]], targets: [[Int32]])]
    ) throws {
        try streams.read(rows, step: step, epoch: epoch, into: &batch)
        let window = plain[step].inputs[0].count
        #expect(batch.window == window && batch.sequences == rows.count)
        guard batch.tokens.count == window * rows.count, batch.targets.count == window * rows.count else { return }
        #expect(batch.firstStream == rows.lowerBound && batch.steps == window * rows.count)
        for (b, row) in rows.enumerated() {
            let inputs = (0..<window).map { batch.tokens[$0 * rows.count + b] }
            let targets = (0..<window).map { batch.targets[$0 * rows.count + b] }
            #expect(
                inputs == plain[step].inputs[row] && targets == plain[step].targets[row], "step \(step), row \(row)")
        }
    }

    @Test("all windows of all streams in two epochs are a reshape of the list of tokens", arguments: Cut.all)
    private func wholeEpochs(_ cut: Cut) throws {
        var streams = try streams(cut)
        let plain = cut.plain(list)
        #expect(streams.stepsPerEpoch == plain.count && streams.carriesState)
        #expect(streams.longestWindow == plain.map { $0.inputs[0].count }.max())
        var batch = Batch()
        for epoch in 1...2 {
            for step in 0..<plain.count {
                #expect(streams.rows(inStep: step) == cut.batch)
                try compare(&streams, &batch, 0..<cut.batch, step: step, epoch: epoch, plain)
            }
        }
    }

    @Test("a range of streams is read equally in any order of steps", arguments: Cut.all)
    private func someRows(_ cut: Cut) throws {
        let plain = cut.plain(list)
        var random = SeededRandom(UInt64(cut.batch * 1000 + cut.window))
        var batch = Batch()
        for _ in 0..<5 {
            var streams = try streams(cut)
            let first = Int.random(in: 0..<cut.batch, using: &random)
            let rows = first..<Int.random(in: first...cut.batch, using: &random)
            let steps = Array(0..<plain.count)
            for step in steps + steps.shuffled(using: &random) {
                try compare(&streams, &batch, rows, step: step, epoch: 1, plain)
            }
            // Other streams than before.
            try compare(&streams, &batch, 0..<cut.batch, step: plain.count / 2, epoch: 1, plain)
        }
    }

    @Test("copies are independent")
    func copies() throws {
        let cut = Cut(range: 0..<100, batch: 4, window: 6, keepsShortWindow: false)
        let plain = cut.plain(list)
        var batch = Batch()
        var streams = try streams(cut)
        try compare(&streams, &batch, 0..<4, step: 0, epoch: 1, plain)
        var copy = streams
        try compare(&streams, &batch, 0..<4, step: 1, epoch: 1, plain)
        try compare(&copy, &batch, 0..<4, step: 1, epoch: 1, plain)
        try compare(&streams, &batch, 0..<4, step: 2, epoch: 1, plain)
    }

    @Test("training drops a short last window, validation scores every token that has a successor")
    func shortWindow() throws {
        func scored(_ keepsShortWindow: Bool) throws -> Int {
            var streams = try streams(Cut(range: 0..<100, batch: 4, window: 7, keepsShortWindow: keepsShortWindow))
            var batch = Batch()
            return try (0..<streams.stepsPerEpoch).reduce(0) { sum, step in
                try streams.read(0..<4, step: step, epoch: 1, into: &batch)
                return sum + batch.scored
            }
        }
        #expect(try scored(false) == 4 * 21)
        #expect(try scored(true) == 4 * 24)
    }

    @Test("the position counts the time steps that a stream was trained on before, over all epochs")
    func positions() throws {
        var streams = try streams(Cut(range: 0..<100, batch: 4, window: 7, keepsShortWindow: false))
        var batch = Batch()
        var trained = 0
        for epoch in 1...3 {
            for step in 0..<streams.stepsPerEpoch {
                try streams.read(1..<3, step: step, epoch: epoch, into: &batch)
                #expect(batch.position == trained)
                trained += batch.window
            }
        }
    }

    @Test("a text too short for one step of its streams is refused, one that just fits is not")
    func tooShort() throws {
        func error(_ count: Int, batch: Int, keepsShortWindow: Bool, key: String) -> String? {
            do {
                _ = try TextStreams(
                    text, 0..<count, batch: batch, window: 6, keepsShortWindow: keepsShortWindow, batchKey: key)
                return nil
            } catch {
                return (error as? StreamError)?.description
            }
        }
        #expect(error(28, batch: 4, keepsShortWindow: false, key: "training.batch") == nil)
        #expect(error(8, batch: 4, keepsShortWindow: true, key: "validation.batch") == nil)
        let files = "\(folder.path)/0.txt and 1 more"
        #expect(
            error(27, batch: 4, keepsShortWindow: false, key: "training.batch")
                == "\(files): 27 tokens are too few for training.batch 4: 4 streams of at least 7 tokens "
                + "need 28; use a longer text or a smaller training.batch or training.window")
        #expect(
            error(7, batch: 4, keepsShortWindow: true, key: "validation.batch")
                == "\(files): 7 tokens are too few for validation.batch 4: 4 streams of at least 2 tokens "
                + "need 8; use a longer text or a smaller validation.batch")
    }

    @Test("the message names a single file only")
    func oneFile() throws {
        let text = try TokenText(folder.files("abc"), vocabulary: .bytes)
        let error = #expect(throws: StreamError.self) {
            _ = try TextStreams(text, 0..<3, batch: 2, window: 1, keepsShortWindow: true, batchKey: "validation.batch")
        }
        #expect(
            error?.description
                == "\(folder.path)/0.txt: 3 tokens are too few for validation.batch 2: 2 streams of at least 2 "
                + "tokens need 4; use a longer text or a smaller validation.batch")
    }
}
