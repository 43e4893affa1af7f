// A small part of launch/dev/fuzz.

import FileFormats
import Foundation
import FuzzSupport
import System
import Testing

extension FuzzReader: CustomTestStringConvertible {
    package var testDescription: String { name }
}

@Suite("hostile files")
struct FuzzTests {
    @Test("300 mutated files are read, or refused with a message that names the file", arguments: FuzzReader.all)
    func mutations(reader: FuzzReader) throws {
        let folder = try makeFuzzFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let run = try FuzzRun(reader, seed: 1, folder: folder, watchesMemory: false)
        var accepted = 0
        var refused = 0
        for number in 0..<300 {
            switch try run.examine(mutation: number) {
            case .accepted: accepted += 1
            case .refused: refused += 1
            case .failed(let problem): Issue.record("seed 1, mutation \(number): \(problem)")
            }
        }
        // Otherwise the mutations would not reach the code after the first check.
        #expect(accepted >= 20, "\(accepted) of 300 were read")
        if !["metrics", "lock", "note", "text-byte"].contains(reader.name) {
            #expect(refused >= 20, "\(refused) of 300 were refused")
        }
    }

    private struct Foreign: Error {}

    @Test(
        "a reader fails that throws a foreign error, doesn't name its file or copies its bytes into a message",
        arguments: [
            ("nothing", "Foreign is not an error type of the program: Foreign()"),
            ("elsewhere", "the message doesn't name the file: elsewhere/x cannot be read: No such file or directory."),
            ("\u{1B}[31m", "the message contains control characters: "),
            (String(repeating: "x", count: 5000), "the message has "),
        ])
    func faults(words: String, problem: String) throws {
        let folder = try makeFuzzFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let reader = FuzzReader(
            "faulty", file: "x", begin: { _ in { _ in [1] } },
            read: { place, _ in
                switch words {
                case "nothing": throw Foreign()
                case "elsewhere": throw SystemError.cannotRead(path: "elsewhere/x", code: ENOENT)
                default: throw CommandError.usage(place.path + words)
                }
            })
        let run = try FuzzRun(reader, seed: 1, folder: folder, watchesMemory: false)
        guard case .failed(let found) = try run.examine(mutation: 0) else {
            Issue.record("the reader passed")
            return
        }
        #expect(found.hasPrefix(problem), "\(found)")
    }

    @Test("the same seed and index give the same file, others give other files")
    func repeatable() throws {
        let folder = try makeFuzzFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let reader = try #require(FuzzReader.all.first { $0.name == "safetensors" })
        let runs = try [1, 1, 2].map { try FuzzRun(reader, seed: $0, folder: folder, watchesMemory: false) }
        let files = runs.map { run in (0..<20).map { run.bytes(ofMutation: $0) } }
        #expect(files[0] == files[1])
        #expect(files[0] != files[2])
        #expect(Set(files[0]).count > 15)
    }
}
