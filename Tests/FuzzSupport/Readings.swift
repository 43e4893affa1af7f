import ConfigFile
import FileFormats
import JobControl
import Reduction
import RunFolder
import Sequences
import System
import Tensors
import Training

/// How the program reads its files, and the invariants of what was read.
enum Readings {
    /// The description is compared with the reference implementation's: for each tensor, sorted by the bytes of its
    /// name, name, type and shape as JSON, and for F32 the bits of its elements.
    @Sendable static func safetensors(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        let file = try SafetensorsFile(place.path)
        let names = file.names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let tensors = try names.map { name -> JSONValue in
            guard let type = file.type(of: name), let shape = file.shape(of: name) else {
                throw Contradiction(description: "there is no tensor \(name), but its name is listed")
            }
            var bits = JSONValue.null
            do {
                let numbers = try file.read(name)
                if type == "F32" { bits = .array(numbers.map { .integer(Int($0.bitPattern)) }) }
            } catch FileFormatError.unreadableType(path: place.path, tensor: name, type: type) {
            }
            return [.string(name), .string(type), .array(shape.map { .integer($0) }), bits]
        }
        return JSONValue.array(tensors).text
    }

    /// Reads into a network's parameters, like --init-from and a checkpoint's model.
    @Sendable static func weights(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        let block = FloatBlock(count: Samples.layout.count)
        try Training.read(SafetensorsFile(place.path), into: block, layout: Samples.layout)
        return "\(block.count) numbers"
    }

    /// Also reads the configuration, checks the position to resume from, and the checksums of the other files.
    @Sendable static func state(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        let path = "\(place.folder)/\(Samples.checkpoint)"
        let checkpoint = try Checkpoint(path: path)
        _ = try Configuration(yaml: checkpoint.configText, file: "\(path)/state.json", table: ConfigurationTable.all)
        try RunProgress.check(checkpoint, stepsPerEpoch: 10)
        try checkpoint.verify()
        return "step \(checkpoint.state.step)"
    }

    @Sendable static func vocabulary(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        let checkpoint = try Checkpoint(path: "\(place.folder)/\(Samples.checkpoint)")
        guard let text = checkpoint.artifacts.first?.text else {
            throw Contradiction(description: "there is no vocabulary")
        }
        let vocabulary = try Vocabulary(json: text, path: place.path)
        try checkRoundTrip(vocabulary, place.path)
        for id in -1...vocabulary.count { _ = (vocabulary.bytes(of: id), vocabulary.text(of: id)) }
        if vocabulary.kind != .character {
            let ids = try vocabulary.encode(prompt: "the river\nof a stone")
            guard ids.allSatisfy({ $0 >= 0 && $0 < vocabulary.count }) else {
                throw Contradiction(description: "a prompt's tokens \(ids) are beyond the vocabulary")
            }
            _ = vocabulary.decode(ids)
        }
        return "\(vocabulary.count) tokens"
    }

    private static func checkRoundTrip(_ vocabulary: Vocabulary, _ path: String) throws {
        guard try Vocabulary(json: vocabulary.json, path: path) == vocabulary else {
            throw Contradiction(description: "a written vocabulary is not read back equal")
        }
    }

    @Sendable static func outcome(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        guard let outcome = try RunDirectory(path: place.folder).readOutcome() else {
            throw Contradiction(description: "there is no outcome")
        }
        _ = try status(of: place)
        return "\(outcome.state) at \(outcome.step)"
    }

    @Sendable static func failure(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        _ = try status(of: place)
        guard let failure = try RunDirectory(path: place.folder).readFailure() else {
            throw Contradiction(description: "there is no failure")
        }
        return failure.description
    }

    /// Reads it like a rank that has waited too long, whose report must be one line.
    @Sendable static func note(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        let run = RunDirectory(path: place.folder)
        let times = GuardTimes(timeout: 300)
        let waiting = RankNote(
            rank: 0, host: "node6", phase: "training", step: 12, calls: 346, waitingIn: "MPI_Allreduce",
            seconds: 300, beat: 7, asks: true)
        var letters = RankNotes(run, rank: 0)
        let news = letters.exchange(waiting, times, elapsed: 1)
        letters.takeBack()
        let hosts = [(host: "node6", sign: nil), (host: "node7", sign: ProcessIdentity.Sign?.none)]
        let verdict = HangCase(own: waiting, times: times, ranks: hosts).verdict(news)
        guard let note = run.note(ofRank: 1) else { return "no note: \(verdict)" }
        if case .end(let report) = verdict, report.cause != shown(report.cause, limit: 1000) {
            throw Contradiction(description: "the report about a note contains control characters, or is too long")
        }
        return "rank \(note.rank) in \(note.phase): \(verdict)"
    }

    @Sendable static func lock(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        try status(of: place)
    }

    /// The output of `lstm-dist status` for the folder; an unreadable lock counts as none.
    private static func status(of place: FuzzReader.Place) throws -> String {
        let status = try RunStatus(of: place.folder)
        _ = status.json.indentedText
        guard status.text.unicodeScalars.allSatisfy({ $0 == "\n" || $0.properties.generalCategory != .control }) else {
            throw Contradiction(description: "the status of the run contains control characters")
        }
        return status.text
    }

    /// Reads the file, then truncates it after a step, like a resumed run.
    @Sendable static func metrics(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        _ = try status(of: place)
        let before = try MetricsFile.lines(of: place.path)
        let step = random.below(14)
        let file = try MetricsFile(path: place.path)
        _ = try file.lastLines()
        let (kept, _) = try file.cut(after: step)
        let after = try MetricsFile.lines(of: place.path)
        let staying = before.filter { line in
            guard let lineStep = line["step"]?.integerValue else { return false }
            return lineStep <= step && line["split"]?.stringValue != "test"
        }
        guard after == staying, kept == after.count else {
            throw Contradiction(
                description: "truncated after step \(step), \(after.count) lines remain (\(kept) are reported) "
                    + "instead of \(staying.count)")
        }
        return "\(after.count) lines"
    }

    @Sendable static func config(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        let file = try OpenFile.reading(place.path)
        let text = try Configuration.text(
            of: file.bytes(count: Configuration.largestText + 1), file: place.path)
        let configuration = try Configuration(yaml: text, file: place.path, table: ConfigurationTable.all)
        let again = try Configuration(yaml: configuration.yaml, file: "again", table: ConfigurationTable.all)
        guard again == configuration else {
            throw Contradiction(description: "a written configuration is not read back equal")
        }
        _ = configuration.annotatedYAML
        try ReductionOptions.check(configuration)
        return configuration.text("task")
    }

    static func text(_ kind: TokenizerKind) -> @Sendable (FuzzReader.Place, inout FuzzRandom) throws -> String {
        { place, random in
            let files = try TextFiles(patterns: [place.path], place: "data.train")
            let vocabulary =
                switch kind {
                case .byte: Vocabulary.bytes
                case .character where random.once(in: 4):
                    try Vocabulary(
                        json: #"{"format_version":1,"tokenizer":"character","tokens":["\n"," ","a","e","r","t"]}"#,
                        path: "-")
                case .character: try Vocabulary.ofCharacters(in: files)
                case .word: try Vocabulary.ofWords(in: files, size: random.pick([nil, 2, 3, 10]))
                }
            try checkRoundTrip(vocabulary, place.path)
            let text = try TokenText(files, vocabulary: vocabulary, interval: 1 + random.below(50))
            try check(text, &random)
            return "\(text.count) tokens"
        }
    }

    /// Reads all tokens, then from random positions, then as the streams of a batch.
    private static func check(_ text: TokenText, _ random: inout FuzzRandom) throws {
        var tokens = [Int32](repeating: -1, count: text.count)
        var cursor = try text.cursor(at: 0)
        try tokens.withUnsafeMutableBufferPointer { try cursor.read(into: $0) }
        guard tokens.allSatisfy({ $0 >= 0 && $0 < text.vocabulary.count }) else {
            throw Contradiction(description: "a token is beyond the vocabulary of \(text.vocabulary.count)")
        }
        for _ in 0..<5 {
            let position = random.below(text.count)
            var cursor = try text.cursor(at: position)
            guard try cursor.next() == tokens[position] else {
                throw Contradiction(description: "token \(position) is different when read by a new cursor")
            }
        }
        let batch = 1 + random.below(4)
        var streams = try TextStreams(
            text, 0..<text.count, batch: batch, window: 1 + random.below(20), keepsShortWindow: random.once(in: 2),
            batchKey: "training.batch")
        var read = Batch()
        for step in 0..<min(3, streams.stepsPerEpoch) {
            try streams.read(0..<batch, step: step, epoch: 1, into: &read)
        }
    }
}
