import FileFormats
import Glibc
import RunFolder
import System
import TestSupport
import Testing

@Suite struct CheckpointTests {
    private let maker: CheckpointMaker
    private var folder: TemporaryFolder { maker.folder }

    init() throws { maker = try CheckpointMaker() }

    private func open(_ name: String) throws -> Checkpoint { try Checkpoint(path: folder.file(maker.place(name))) }

    private func refusal(_ name: String) -> String { errorText(in: folder) { _ = try open(name).verify() } }

    @Test("a checkpoint is read as it was written: tensors, vocabulary, state and configuration")
    func roundTrip() throws {
        try maker.write(500, vocabulary: "[\"a\"]")
        let names = ["model.safetensors", "state.json", "training.safetensors", "vocabulary.json"]
        #expect(try folder.names(maker.place("step-00000500")) == names)
        #expect(try maker.names() == ["latest", "step-00000500"])
        #expect(try folder.target(maker.place("latest")) == "step-00000500")

        let checkpoint = try open("latest")
        try checkpoint.verify()
        #expect(checkpoint.path == folder.file(maker.place("step-00000500")))
        #expect(
            try checkpoint.model.read("output.weight").map(\.bitPattern) == [500, 0.1, -0.0].map(\Float.bitPattern))
        #expect(
            checkpoint.model.metadata == ["format": "pt", "vocabulary_sha256": Checksum.sha256(of: "[\"a\"]")])
        #expect(try checkpoint.training.read("optimizer.moment") == [1e-30, 500])
        #expect(checkpoint.artifacts.map(\.text) == ["[\"a\"]"])
        #expect(checkpoint.configText == CheckpointMaker.config)
        var state = CheckpointMaker.state(500)
        state.checksums = checkpoint.state.checksums
        state.extra = ["patience": 3, "losses": [.number(0.1), .number(0.1)]]  // A Float's digits are read as a Double.
        #expect(checkpoint.state == state)
        #expect(state.checksums.keys.sorted() == ["model.safetensors", "training.safetensors", "vocabulary.json"])
        for (name, checksum) in state.checksums {
            #expect(try Checksum.sha256(ofFile: checkpoint.path + "/" + name) == checksum)
        }
    }

    @Test("a task without a vocabulary has none in its checkpoint")
    func noVocabulary() throws {
        try maker.write(1)
        #expect(try folder.names(maker.place("step-00000001")).contains("vocabulary.json") == false)
        #expect(try open("step-00000001").artifacts.isEmpty)
    }

    @Test("state.json has its keys in a fixed order")
    func stateText() throws {
        let digest = Checksum.sha256(of: CheckpointMaker.config)
        var state = CheckpointMaker.state(500)
        state.checksums = ["b": "2", "a": "1"]
        #expect(
            state.json.text
                == #"{"format_version":2,"program_version":"0.1.0","step":500,"epoch":2,"position":7,"seed":1,"#
                + #""config_digest":"\#(digest)","checksum_algorithm":"sha256","checksums":{"a":"1","b":"2"},"#
                + #""extra":{"patience":3,"losses":[0.1,0.1]},"config":"task: reber\nmodel: {hidden: 3}\n"}"#)
    }

    @Test("state.json ends with the digest of everything before it")
    func stateDigest() throws {
        try maker.write(500)
        let text = try folder.text(maker.place("step-00000500/state.json"))
        let ending = try #require(text.firstRange(of: /,\n  "state_digest": "([0-9a-f]{64})"\n}\n$/))
        #expect(text[ending].contains(Checksum.sha256(of: String(text[..<ending.lowerBound]))))
    }

    @Test("the same step written again replaces the old checkpoint and leaves no other files")
    func rewritten() throws {
        try maker.write(500, vocabulary: "[]")
        try maker.write(500, scale: 2)
        #expect(try maker.names() == ["latest", "step-00000500"])
        #expect(
            try folder.names(maker.place("step-00000500")) == [
                "model.safetensors", "state.json", "training.safetensors",
            ])
        let checkpoint = try open("step-00000500")
        try checkpoint.verify()
        #expect(try checkpoint.model.read("output.weight")[0] == 1000)
    }

    @Test("a checkpoint that is copied elsewhere is complete")
    func copied() throws {
        try maker.write(500)
        try folder.copy(maker.place("step-00000500"), to: "mine")
        let checkpoint = try Checkpoint(path: folder.file("mine/"))
        try checkpoint.verify()
        #expect(checkpoint.configText == CheckpointMaker.config)
    }

    @Test("a chain of links is followed to the checkpoint itself")
    func links() throws {
        try maker.write(500)
        try folder.link("mine", to: "runs/x/checkpoints/latest")
        #expect(try Checkpoint(path: folder.file("mine")).path == folder.file("runs/x/checkpoints/step-00000500"))
        try folder.link("around", to: "around")
        #expect(
            errorText(in: folder) { _ = try Checkpoint(path: folder.file("around")) }
                == "around cannot be opened: Too many levels of symbolic links; "
                + "a run folder, a checkpoint's folder or the model.safetensors inside one is expected.")
    }

    @Test(
        "a missing file is named",
        arguments: ["model.safetensors", "training.safetensors", "vocabulary.json", "state.json"])
    func missingFile(name: String) throws {
        try maker.write(500, vocabulary: "[]")
        try folder.remove(maker.place("step-00000500/\(name)"))
        #expect(
            refusal("step-00000500")
                == "The checkpoint runs/x/checkpoints/step-00000500 is incomplete: it has no \(name).")
    }

    @Test("a changed bit is found by verification, and the file is named", arguments: ["model", "training"])
    func damagedTensors(name: String) throws {
        try maker.write(500)
        let file = "step-00000500/\(name).safetensors"
        let expected = try Checksum.sha256(ofFile: folder.file(maker.place(file)))
        try maker.damage(file)
        let found = try Checksum.sha256(ofFile: folder.file(maker.place(file)))
        #expect(
            refusal("step-00000500")
                == "The checkpoint runs/x/checkpoints/step-00000500 is damaged: the SHA-256 of \(name).safetensors is "
                + "\(found), but \(expected) is recorded.")
    }

    @Test("a changed vocabulary and a changed configuration are found too")
    func damagedTexts() throws {
        try maker.write(500, vocabulary: "[\"a\"]")
        try maker.edit("step-00000500/vocabulary.json", "a", "b")
        #expect(refusal("step-00000500").contains("the SHA-256 of vocabulary.json is "))
        try maker.write(500)
        try maker.edit("step-00000500/state.json", "hidden: 3", "hidden: 4")
        let digests = ["hidden: 4", "hidden: 3"].map {
            Checksum.sha256(of: CheckpointMaker.config.replacing("hidden: 3", with: $0))
        }
        #expect(
            refusal("step-00000500")
                == "The checkpoint runs/x/checkpoints/step-00000500 is damaged: the SHA-256 of the config in state.json "
                + "is \(digests[0]), but \(digests[1]) is recorded.")
    }

    @Test("a newer format is refused with the version that wrote it")
    func newerFormat() throws {
        try maker.write(500)
        try maker.edit("step-00000500/state.json", "\"format_version\": 2", "\"format_version\": 3")
        try maker.edit("step-00000500/state.json", "0.1.0", "3.4.5")
        let text =
            "The checkpoint runs/x/checkpoints/step-00000500 was written by lstm-dist 3.4.5 in format 3; this program "
            + "reads formats up to 2: use that version or a later one."
        #expect(refusal("step-00000500") == text)
        #expect(errorText(in: folder) { _ = try maker.run.newestCheckpoint() } == text)
    }

    @Test("keys that a newer program may add are ignored")
    func unknownKeys() throws {
        try maker.write(500)
        try maker.edit("step-00000500/state.json", "\"step\": 500", "\"colour\": {\"a\": []}, \"step\": 500")
        #expect(refusal("step-00000500") == "no error")
    }

    @Test(
        "a state.json with a missing or wrong value is refused with what is expected",
        arguments: [
            ("\"step\": 500,", "", "has no 'step'; a whole number, 0 or more is expected."),
            ("\"step\": 500,", "\"step\": 5.5,", "has 5.5 for 'step'; a whole number, 0 or more is expected."),
            (
                "\"step\": 500,", "\"step\": 9223372036854775807,",
                "has 9223372036854775807 for 'step'; a whole number, at most 1099511627776 is expected."
            ),
            ("\"epoch\": 2,", "\"epoch\": -2,", "has -2 for 'epoch'; a whole number, 0 or more is expected."),
            ("\"seed\": 1,", "\"seed\": \"1\",", "has \"1\" for 'seed'; a whole number is expected."),
            ("\"sha256\"", "\"md5\"", "has \"md5\" for 'checksum_algorithm'; \"sha256\" is expected."),
            ("\"extra\": {", "\"extra\": 1, \"more\": {", "has 1 for 'extra'; an object is expected."),
            ("\"program_version\"", "\"program\"", "has no 'program_version'; a text is expected."),
        ])
    func damagedState(old: String, new: String, problem: String) throws {
        try maker.write(500)
        try maker.edit("step-00000500/state.json", old, new)
        #expect(refusal("step-00000500") == "runs/x/checkpoints/step-00000500/state.json \(problem)")
    }

    @Test("checksums can't lead out of the folder, and can't be left out")
    func hostileChecksums() throws {
        try maker.write(500)
        let state = "runs/x/checkpoints/step-00000500/state.json"
        for name in ["a/../model", "../model", "/etc/hostname", "..", ".", "", "model.safetensors\\u0000"] {
            try maker.edit("step-00000500/state.json", "\"model.safetensors\"", "\"\(name)\"")
            #expect(
                refusal("step-00000500")
                    == "\(state) has a checksum of '\(name.replacing("\\u0000", with: "\\u{0}"))'; the name of a file in the "
                    + "checkpoint's own folder is expected: without a slash, and not beginning with a dot.")
            try maker.write(500)
        }
        try maker.edit("step-00000500/state.json", "\"model.safetensors\"", "\"training.safetensors2\"")
        try folder.write("", to: maker.place("step-00000500/training.safetensors2"))
        #expect(
            refusal("step-00000500")
                == "\(state) has [\"training.safetensors\",\"training.safetensors2\"] for 'checksums'; "
                + "a checksum of model.safetensors is expected.")
    }

    @Test("a vocabulary that isn't UTF-8 is named")
    func vocabularyBytes() throws {
        try maker.write(500, vocabulary: "abcdefgh")
        try folder.flipBit(maker.place("step-00000500/vocabulary.json"), fromEnd: 3, bit: 7)
        #expect(
            refusal("step-00000500") == "runs/x/checkpoints/step-00000500/vocabulary.json is not text in UTF-8.")
    }

    @Test("a writer that fails leaves the checkpoints unchanged, and no other files")
    func failingWriter() throws {
        try maker.write(500)
        let before = try folder.text(maker.place("step-00000500/state.json"))
        let contents = CheckpointContents(
            model: [SafetensorsTensor(name: "a", shape: [2], data: UnsafeBufferPointer(start: nil, count: 0))],
            training: [], state: CheckpointMaker.state(500))
        #expect(
            errorText { try maker.writer.write(contents) }
                == "Tensor 'a' cannot be written as safetensors: its shape [2] does not match its 0 elements.")
        #expect(try maker.names() == ["latest", "step-00000500"])
        #expect(try folder.text(maker.place("step-00000500/state.json")) == before)
    }

    @Test("a run folder that is lost during a run is reported as one that can't be created")
    func lostFolder() throws {
        try folder.remove("runs")
        try folder.write("", to: "runs")
        #expect(
            errorText(in: folder) { try maker.write(500) }
                == "The folder runs/x/checkpoints cannot be made: Not a directory.")
    }
}
