// A long text does not need private memory.

import FileFormats
import Foundation
import LaunchSupport
import TestSupport
import Testing

extension LaunchTests {
    @Suite("memory")
    struct MemoryTests {
        private static let megabytes = 200

        @Test("200 MB of text stay below 256 MB of anonymous memory a rank", .timeLimit(.minutes(3)))
        func largeText() async throws {
            let folder = try TestFolder(onDisk: true)
            try writeText(to: folder.url(of: "text.txt"))
            for tokenizer in ["byte", "character", "word"] {
                try folder.write(
                    """
                    task: language-model
                    data: {train: text.txt, validation_fraction: 0.01, tokenizer: \(tokenizer)}
                    model: {hidden: 8, embedding: 8}
                    training: {batch: 16, window: 20, steps: 20}
                    validation: {every_epochs: 1, batch: 16}

                    """, to: "large.yaml")
                let run = try folder.start("train", "large.yaml", "--run", tokenizer, "--quiet", ranks: 2)
                var peak = 0
                while run.isRunning {
                    peak = max(peak, run.ranks.compactMap { anonymousMemory(ofProcess: "\($0)") }.max() ?? 0)
                    try await Task.sleep(for: .milliseconds(20))
                }
                let ended = try await run.result()
                #expect(ended.exitCode == 0, "\(ended.errors)")
                #expect(try folder.run(tokenizer).outcome()["step"]?.integerValue == 20)
                #expect(peak > 1 << 20, "\(tokenizer): was it measured at all?")
                #expect(peak < 256 << 20, "\(tokenizer): \(peak >> 20) MiB")
            }
        }

        @Test("a manipulated checkpoint whose validation needs terabytes is refused before memory is allocated")
        func hugeValidation() async throws {
            let folder = try TestFolder()
            try folder.write("task: adding\ndata: {length: 24}\ntraining: {batch: 2, steps: 1}\n", to: "adding.yaml")
            let run = try await folder.train("adding.yaml", into: "run", set: ["validation.batch=250"])
            let path = "\(run.checkpoint(1))/state.json"
            let state = try JSONValue(parsing: folder.text(of: path))
            let config = try #require(state["config"]?.stringValue)
                .replacing(/length: \d+/, with: "length: 1000000").replacing("batch: 250", with: "batch: 10000000")
            let changes: [String: JSONValue] = [
                "format_version": 1, "config": .string(config), "config_digest": .string(Checksum.sha256(of: config)),
            ]
            let changed = (state.members ?? []).map { ($0.key, changes[$0.key] ?? $0.value) }
            try folder.write(JSONValue.object(changed).indentedText, to: path)
            let evaluated = try await folder.lstmDist("evaluate", "run", ranks: 2)
            #expect(evaluated.errors.hasPrefix("lstm-dist: scoring needs "), "\(evaluated.errors)")
            #expect(evaluated.errors.hasSuffix("; use a smaller validation.batch\n"))
            #expect(evaluated.exitCode == 2)
        }

        /// A megabyte of synthetic sentences, repeated, each time with a different number in front of each, so that
        /// there are rare words too.
        private func writeText(to url: URL) throws {
            let sentences = Array(inventedText(words: 200_000).utf8.prefix(1 << 20)) + [UInt8(ascii: "\n")]
            try Data().write(to: url)
            let file = try FileHandle(forWritingTo: url)
            for number in 0..<Self.megabytes {
                try file.write(contentsOf: Data("page\(number) \u{E9}\u{20AC}\n".utf8))
                try file.write(contentsOf: Data(sentences))
            }
            try file.close()
        }
    }
}
