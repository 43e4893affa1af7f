// Manipulated checkpoints with correct checksums: each ends in a message, not in a crash.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension FaultTests {
    @Suite("hostile files")
    struct HostileFilesTests {
        private let folder: TestFolder
        private let state = "run/checkpoints/step-00000003/state.json"

        init() async throws {
            folder = try TestFolder.withText()
            try folder.copy(try await ReferenceRuns.run(smallConfig, set: ["training.steps=3"]), as: "run")
        }

        /// Changes members of state.json, or of its `extra` for names with that prefix. The file becomes one of format
        /// 1, which has no digest of itself.
        private func change(_ changes: [(key: String, change: (JSONValue) -> JSONValue)]) throws {
            func changed(_ object: JSONValue, _ prefix: String) -> JSONValue {
                .object(
                    (object.members ?? []).map { key, value in
                        if key == "extra" { return (key, changed(value, "extra.")) }
                        if key == "format_version" { return (key, .integer(1)) }
                        let change = changes.first { $0.key == prefix + key }
                        return (key, change?.change(value) ?? value)
                    })
            }
            try folder.write(changed(JSONValue(parsing: folder.text(of: state)), "").indentedText, to: state)
        }

        private func refusal(_ arguments: String..., ranks: Int? = nil) async throws -> String {
            let run = try await folder.lstmDist(arguments, ranks: ranks)
            #expect(run.exitCode == 2, "\(run.errors)")
            #expect(run.output == "")
            return run.errors
        }

        @Test("a configuration of a network of terabytes is first compared with the file")
        func hugeNetwork() async throws {
            var config = ""
            try change([
                (
                    "config",
                    {
                        config = ($0.stringValue ?? "").replacing(/hidden: \d+/, with: "hidden: 65536")
                            .replacing(/layers: \d+/, with: "layers: 64")
                        return .string(config)
                    }
                )
            ])
            try change([("config_digest", { _ in .string(Checksum.sha256(of: config)) })])
            let message = try await refusal("evaluate", "run")
            #expect(message.hasPrefix("lstm-dist: run/checkpoints/step-00000003/model.safetensors: tensor "))
            #expect(message.contains("accepted: [262144, 7], which follows from the configuration and the data"))
        }

        @Test(
            "numbers that no training reaches are refused before they are used",
            arguments: [
                ("epoch", 0, "a number from 1 to "), ("epoch", 1 << 40, "a number from 1 to "),
                ("position", 1 << 39, "a number below the "),
                ("extra.validations_since_best", Int.max, "a whole number from 0 to 1099511627776, or null"),
                ("extra.sequences", -1, "a whole number from 0 to 1099511627776, or null"),
            ])
        func hugeNumbers(key: String, value: Int, accepted: String) async throws {
            try change([(key, { _ in .integer(value) })])
            let message = try await refusal(
                "train", "small.yaml", "--run", "run", "--set", "training.steps=5", "--quiet")
            #expect(
                message.hasPrefix(
                    "lstm-dist: run/checkpoints/step-00000003/state.json: \(key) is \(value); accepted: \(accepted)"))
        }

        @Test(
            "a language model's checkpoint without its vocabulary is refused; none is made from the files that it names"
        )
        func noVocabulary() async throws {
            try change([
                (
                    "checksums",
                    { .object(($0.members ?? []).filter { $0.key != "vocabulary.json" }) }
                )
            ])
            #expect(
                try await refusal("evaluate", "run", ranks: 2)
                    == "lstm-dist: The checkpoint run/checkpoints/step-00000003 is incomplete: it has no vocabulary.json.\n"
            )
        }

        @Test("inspect handles a tensor whose element count overflows, and prints no control characters")
        func inspect() async throws {
            let header =
                #"{"\u001b[31mred":{"dtype":"F32","shape":[4611686018427387904,2,0],"data_offsets":[0,0]}}"#
            var bytes = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
            bytes += Array(header.utf8)
            try Data(bytes).write(to: folder.url(of: "run/checkpoints/step-00000003/model.safetensors"))
            let run = try await folder.lstmDist("inspect", "run")
            #expect(run.exitCode == 0, "\(run.errors)")
            #expect(run.output.contains(#"  \u{1b}[31mred  [4611686018427387904, 2, 0]  0"#))
            #expect(!run.output.contains("\u{1B}"))
        }

        @Test("an endless configuration is not read to its end", arguments: ["/dev/zero", "holes.yaml"])
        func endless(name: String) async throws {
            try folder.write("task: reber\n", to: "holes.yaml")
            try #require(truncate(folder.url(of: "holes.yaml").path, 1 << 40) == 0)
            let message = try await refusal("config", "check", name)
            #expect(message == "lstm-dist: \(name): more than 1048576 bytes of text; accepted: at most that\n")
        }
    }
}
