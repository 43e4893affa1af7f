import FileFormats
import Foundation
import RunFolder
import TestSupport
import Testing

/// Every kind of file in a checkpoint, damaged at many offsets: each damage is detected, and the file is named.
@Suite struct DamageTests {
    private static let files = ["model.safetensors", "training.safetensors", "vocabulary.json", "state.json"]
    private static let checkpoint = "step-00000010"

    private let maker: CheckpointMaker

    init() throws {
        maker = try CheckpointMaker()
        let words = (0..<40).map { "\"word\($0)\"" }.joined(separator: ",")
        try maker.write(10, vocabulary: "[\(words)]")
    }

    /// The messages about the checkpoint with these contents of a file.
    private func messages(_ file: String, _ bytes: Data) throws -> (opening: String, verification: [String]) {
        let folder = maker.folder.file(maker.place(Self.checkpoint))
        try bytes.write(to: URL(fileURLWithPath: "\(folder)/\(file)"))
        let opening = errorText { try Checkpoint(path: folder).verify() }
        return (opening, CheckpointVerification(ofCheckpoint: folder).damages.map { "\($0)" })
    }

    private func contents(_ file: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: maker.folder.file(maker.place("\(Self.checkpoint)/\(file)"))))
    }

    private func expectNamed(_ file: String, _ bytes: Data, _ what: String) throws {
        let (opening, verification) = try messages(file, bytes)
        #expect(opening.contains(file), "\(what): \(opening)")
        #expect(verification.count == 1 && verification[0].contains(file), "\(what): \(verification)")
    }

    @Test("a bit flipped at any of 500 random offsets is detected", arguments: files)
    func bits(file: String) throws {
        let whole = try contents(file)
        #expect(try messages(file, whole).opening == "no error")
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededRandom(seed)
        for _ in 0..<500 {
            let (place, bit) = (Int.random(in: 0..<whole.count, using: &random), Int.random(in: 0..<8, using: &random))
            var bytes = whole
            bytes[place] ^= 1 << UInt8(bit)
            try expectNamed(file, bytes, "seed \(seed), byte \(place), bit \(bit)")
        }
        #expect(try messages(file, whole).verification == [])
    }

    @Test("a file truncated to any of 200 lengths, or with another byte, is detected", arguments: files)
    func lengths(file: String) throws {
        let whole = try contents(file)
        for index in 0..<200 {
            let length = index * whole.count / 200
            try expectNamed(file, whole.prefix(length), "\(length) of \(whole.count) bytes")
        }
        try expectNamed(file, whole.dropLast(), "without its last byte")
        for more in ["\0", " ", "\n"] { try expectNamed(file, whole + Data(more.utf8), "with one more byte") }
    }
}
