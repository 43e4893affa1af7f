// Ranks that would not do the same work, and ranks that do not know of each other, are refused before anything is
// written.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension FaultTests {
    @Suite("ranks that differ")
    struct ComparisonTests {
        private static let host = ProcessInfo.processInfo.hostName

        /// Runs mpirun with one part for each of `parts`: options of mpirun, the program, and its arguments.
        private func mpirun(_ parts: [[String]], in folder: TestFolder) async throws -> MPIRun {
            try await MPIRun.run(
                URL(filePath: "/usr/bin/env"), ["mpirun", "-q"] + parts.joined(separator: [":"]), ranks: nil,
                in: folder.url, limit: .seconds(30))
        }

        private func expectRefusal(_ run: MPIRun, _ message: String, in folder: TestFolder) {
            #expect(run.errors == "lstm-dist: \(message)\n")
            #expect(run.output == "")
            #expect(run.exitCode == 2)
            #expect(!folder.has("run"))
        }

        @Test("a different executable on one rank is refused")
        func executable() async throws {
            let folder = try TestFolder.withText()
            let program = try TestFolder.program
            let copy = folder.url(of: "copy")
            try FileManager.default.copyItem(at: program, to: copy)
            let handle = try FileHandle(forWritingTo: copy)
            try handle.seekToEnd()
            let words = ["train", "small.yaml", "--run", "run"]
            func start() async throws -> MPIRun {
                try await mpirun(
                    [
                        ["-n", "1", program.path] + words, ["-n", "1", copy.path] + words,
                        ["-n", "1", program.path] + words,
                    ],
                    in: folder)
            }
            try handle.write(contentsOf: [0])
            try handle.close()
            let size = try FileManager.default.attributesOfItem(atPath: program.path)[.size] as? Int ?? 0
            let own = program.resolvingSymlinksInPath().path
            expectRefusal(
                try await start(),
                "rank 1 on \(Self.host) runs a different executable (\(copy.resolvingSymlinksInPath().path), \(size + 1) bytes) from rank 0 "
                    + "(\(own), \(size) bytes); use the same build on every rank",
                in: folder)
            // The same bytes under a different name are the same executable.
            try FileManager.default.removeItem(at: copy)
            try FileManager.default.copyItem(at: program, to: copy)
            #expect(try await start().exitCode == 0)
        }

        @Test("a different command line on one rank is refused, even one that can't be parsed")
        func commandLine() async throws {
            let folder = try TestFolder.withText()
            let program = try TestFolder.program.path
            let words = ["train", "small.yaml", "--run", "run"]
            let accepted = "; use the same command line on every rank"
            for (other, found, ofRoot) in [
                (words + ["--set", "model.hidden=9"], "\"--set\"", "no further argument"),
                (["train", "small.yaml", "--run", "run2"], "\"run2\"", "\"run\""),
                (["train", "small.yaml"], "no further argument", "\"--run\""),
                (["tarin", "small.yaml"], "\"tarin\"", "\"train\""),
                (["--version"], "\"--version\"", "\"train\""),
            ] {
                let run = try await mpirun(
                    [["-n", "2", program] + words, ["-n", "1", program] + other], in: folder)
                expectRefusal(
                    run,
                    "rank 2 on \(Self.host) was started with \(found) where rank 0 was started with \(ofRoot)\(accepted)",
                    in: folder)
            }
        }

        @Test("a different text under the same name is refused, in training and evaluation")
        func data() async throws {
            let folder = try TestFolder.withText()
            let program = try TestFolder.program.path
            let text = try folder.text(of: "text.txt")
            let other = folder.url(of: "other")
            try folder.make("other")
            let run = folder.url(of: "run").path
            func start(_ words: [String]) async throws -> MPIRun {
                try await mpirun(
                    [["-n", "1", program] + words, ["-n", "2", "--wdir", other.path, program] + words], in: folder)
            }
            func words(_ text: String) throws -> String {
                "\(text.utf8.count) bytes with SHA-256 \(Checksum.sha256(of: text))"
            }
            func refusal(_ found: String, _ split: String) throws -> String {
                "rank 1 on \(Self.host) reads a different data.\(split) from rank 0: \(try words(found)) there, "
                    + "\(try words(text)) on rank 0; use the same files on every host"
            }
            let train = ["train", "small.yaml", "--run", run, "--quiet"]
            // A different vocabulary, and one changed character.
            for changed in ["Ž" + text.dropFirst(2), (text.first == "t" ? "a" : "t") + text.dropFirst()] {
                #expect(changed.utf8.count == text.utf8.count && changed != text)
                try folder.write(changed, to: "other/text.txt")
                expectRefusal(try await start(train), try refusal(changed, "train"), in: folder)
            }
            let copied = try folder.write(text, to: "other/text.txt")
            #expect(try await start(train + ["--set", "training.steps=2"]).exitCode == 0)
            try copied.write(text + ".", to: "other/text.txt")
            let evaluated = try await start(["evaluate", run, "--data", "text.txt"])
            #expect(evaluated.errors == "lstm-dist: \(try refusal(text + ".", "test"))\n")
            #expect(evaluated.exitCode == 2)
        }
    }
}
