import ConfigFile
import Foundation
import Sequences
import System
import Tensors
import TestSupport
import Testing

@Suite("Language model")
struct LanguageModelTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func load(
        _ data: String, window: Int = 5, splits: Set<DataRequest.Split> = [.train, .validation, .test],
        _ change: (inout DataRequest) -> Void = { _ in }
    ) throws -> TaskData {
        var request = DataRequest(splits: splits, batch: 2, validationBatch: 1, seed: 1)
        change(&request)
        let yaml = "task: language-model\ndata: {\(data)}\ntraining: {window: \(window)}\n"
        return try TaskTable.load(taskConfiguration(yaml), request)
    }

    /// A split's text: each stream's inputs and the last target.
    private func text(_ source: (any SequenceSource)?, _ vocabulary: Vocabulary?) throws -> [String] {
        var source = try #require(source)
        let vocabulary = try #require(vocabulary)
        var streams: [[Int32]] = Array(repeating: [], count: source.rows(inStep: 0))
        for step in 0..<source.stepsPerEpoch {
            var batch = Batch()
            try source.read(0..<streams.count, step: step, epoch: 1, into: &batch)
            for b in streams.indices {
                if step == 0 { streams[b].append(batch.tokens[b]) }
                for t in 0..<batch.window { streams[b].append(batch.targets[t * streams.count + b]) }
            }
        }
        return streams.map { $0.compactMap { vocabulary.text(of: Int($0)) }.joined() }
    }

    /// 200 characters; z occurs only among the last twenty.
    private static let characters: String = {
        var characters = (0..<200).map { Array("abcdefghij")[$0 * 7 % 10] }
        characters[195] = "z"
        return String(characters)
    }()

    @Test("a validation fraction of 0.1 is the last tenth of the tokens; training uses the others")
    func fraction() throws {
        let file = try folder.write(Self.characters.utf8)
        let data = try load("train: \(file), validation_fraction: 0.1", window: 1)
        let kept = Self.characters.prefix(180)
        #expect(try text(data.training, data.vocabulary) == [String(kept.prefix(90)), String(kept.suffix(90))])
        #expect(try text(data.validation, data.vocabulary) == [String(Self.characters.suffix(20))])
        #expect(data.test == nil && data.files.map(\.split) == ["train"] && data.files.map(\.paths) == [[file]])
    }

    @Test("a validation that is a fraction of the training text has that text's files, also without training")
    func filesOfFraction() throws {
        let file = try folder.write(Self.characters.utf8)
        let data = try load("train: \(file), validation_fraction: 0.1", splits: [.validation])
        #expect(data.training == nil && data.files.map(\.split) == ["train"] && data.files.map(\.paths) == [[file]])
    }

    @Test("a text that is too short for its streams is divided into as many as fit, if that is requested")
    func fewerStreams() throws {
        let train = try folder.write(Self.characters.utf8, as: "train.txt")
        let test = try folder.write("abcde".utf8, as: "test.txt")
        for (batch, fits) in [(1, ["abcde"]), (2, ["ab", "cd"]), (3, ["ab", "cd"]), (9, ["ab", "cd"])] {
            let data = try load("train: \(train), test: \(test)", splits: [.test]) {
                $0.validationBatch = batch
                $0.fitsStreams = true
            }
            #expect(try text(data.test, data.vocabulary) == fits)
        }
        #expect(throws: StreamError.self) {
            _ = try load("train: \(train), test: \(test)", splits: [.test]) { $0.validationBatch = 3 }
        }
    }

    @Test("the vocabulary is made from the whole training text, including its validation fraction")
    func vocabulary() throws {
        let file = try folder.write(Self.characters.utf8)
        let data = try load("train: \(file), validation_fraction: 0.1", splits: [.train])
        let vocabulary = try #require(data.vocabulary)
        #expect((0..<vocabulary.count).compactMap { vocabulary.text(of: $0) } == "abcdefghijz".map { String($0) })
        #expect(data.task.shape == TaskShape(input: .tokens(vocabulary: 11), output: .classes(11)))
    }

    @Test("validation and test have separate files, divided into the validation's batch")
    func ownFiles() throws {
        let train = try folder.write(Self.characters.utf8, as: "train.txt")
        let valid = try folder.write("abcdabcdabc".utf8, as: "valid.txt")
        let test = try folder.write("jihg".utf8, as: "test.txt")
        let data = try load("train: \(train), validation: \(valid), test: \(test)")
        #expect(try text(data.validation, data.vocabulary) == ["abcdabcdabc"])
        #expect(try text(data.test, data.vocabulary) == ["jihg"])
        #expect(data.files.map(\.split) == ["train", "validation", "test"])
        #expect(data.files.map(\.paths) == [[train], [valid], [test]])
        let two = try load("train: \(train), validation: \(valid)") { $0.validationBatch = 2 }
        #expect(try text(two.validation, two.vocabulary) == ["abcda", "bcdab"])
    }

    @Test("given files replace the test split, also if there is none")
    func otherTest() throws {
        let train = try folder.write(Self.characters.utf8, as: "train.txt")
        let other = try folder.write("cab".utf8, as: "other.txt")
        let data = try load("train: \(train)", splits: [.test]) { $0.testFiles = [other] }
        #expect(try text(data.test, data.vocabulary) == ["cab"])
        #expect(data.training == nil && data.files.map(\.paths) == [[other]])
    }

    @Test("a checkpoint's vocabulary is used unchanged, without the training text")
    func givenVocabulary() throws {
        let text = try folder.write("cba".utf8, as: "text.txt")
        let files = try folder.files("abcdef")
        let given = try Vocabulary.ofCharacters(in: files)
        let data = try load("train: \(folder.path)/gone.txt", splits: [.test]) {
            $0.artifacts = [Artifact("vocabulary.json", given.json)]
            $0.testFiles = [text]
        }
        #expect(data.vocabulary == given && data.task.shape.output.width == 6)
        #expect(try self.text(data.test, given) == ["cba"])
    }

    @Test("neither validation nor fraction, or a fraction of 0: no validation")
    func noValidation() throws {
        let file = try folder.write(Self.characters.utf8)
        #expect(try load("train: \(file)").validation == nil)
        #expect(try load("train: \(file), validation_fraction: 0").validation == nil)
    }

    @Test("bytes have 256 ids, words the vocabulary's size")
    func tokenizers() throws {
        let file = try folder.write("one two two three three three\n".utf8)
        let bytes = try load("train: \(file), tokenizer: byte", splits: [.train])
        #expect(bytes.task.shape == TaskShape(input: .tokens(vocabulary: 256), output: .classes(256)))
        let words = try load("train: \(file), tokenizer: word, vocabulary: 3", window: 2, splits: [.train])
        #expect(words.task.shape.output.width == 3)
        let all = try load("train: \(file), tokenizer: word, vocabulary: all", window: 2, splits: [.train])
        #expect(all.task.shape.output.width == 5)
    }

    @Test("perplexity is e to the loss, and bits are the loss divided by ln 2")
    func metrics() throws {
        let task = try load("train: \(folder.write(Self.characters.utf8))").task
        let metrics = task.metrics(loss: 1.386_294_361_119_890_6, sums: [])
        #expect(metrics.map(\.name) == ["perplexity", "bits_per_token"])
        #expect(abs(metrics[0].value - 4) < 1e-12 && abs(metrics[1].value - 2) < 1e-12)
        #expect(!task.canBeSolved && task.criterion == nil)
    }

    @Test("the message about a missing file has the configuration's data.source")
    func missing() throws {
        let path = "\(folder.path)/gone.txt"
        let accepted = "accepted: paths and patterns (such as \"texts/*.txt\") of readable files that aren't empty"
        let plain = "test.yaml, line 2: data.train: there is no file \"\(path)\"; \(accepted)"
        let text = textFailure { _ = try load("train: \(path)") }
        #expect(text?.description == plain)
        let missing = #expect(throws: MissingData.self) { _ = try load("train: \(path), source: from the shelf") }
        #expect(missing?.description == plain + "; how to get it: from the shelf")
    }

    @Test("a text too short for its streams is refused with the key of the batch")
    func short() throws {
        let file = try folder.write("abcdefg".utf8)
        let training = #expect(throws: StreamError.self) { _ = try load("train: \(file)", window: 3) }
        #expect(training?.batchKey == "training.batch" && training?.tokens == 7 && training?.streamLength == 4)
        let validation = #expect(throws: StreamError.self) {
            _ = try load("train: \(file), validation: \(file)", window: 1) { $0.validationBatch = 4 }
        }
        #expect(validation?.batchKey == "validation.batch" && validation?.streamLength == 2)
    }
}
