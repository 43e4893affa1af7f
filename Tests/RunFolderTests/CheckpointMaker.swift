import FileFormats
import Foundation
import RunFolder
import System
import TestSupport

/// Writes small checkpoints whose numbers follow from the step.
struct CheckpointMaker: Sendable {
    let folder: TemporaryFolder
    let run: RunDirectory
    let writer: CheckpointWriter

    /// Checkpoints are in `runs/x/checkpoints` of the folder.
    init() throws {
        folder = try TemporaryFolder()
        run = RunDirectory(path: folder.file("runs/x"))
        writer = CheckpointWriter(run: run)
        try run.prepare()
    }

    static let config = "task: reber\nmodel: {hidden: 3}\n"

    static func state(_ step: Int) -> CheckpointState {
        CheckpointState(
            programVersion: "0.1.0", step: step, epoch: 2, position: 7, seed: 1, config: config,
            extra: ["patience": 3, "losses": [.float(0.1), .number(0.1)]])
    }

    func write(
        _ step: Int, scale: Float = 1, vocabulary: String? = nil, with writer: CheckpointWriter? = nil
    ) throws {
        let writer = writer ?? self.writer
        let weights: [Float] = [Float(step) * scale, 0.1, -0.0]
        let moments: [Float] = [1e-30, Float(step)]
        try weights.withUnsafeBufferPointer { weights in
            try moments.withUnsafeBufferPointer { moments in
                _ = try writer.write(
                    CheckpointContents(
                        model: [SafetensorsTensor(name: "output.weight", shape: [1, 3], data: weights)],
                        training: [SafetensorsTensor(name: "optimizer.moment", shape: [2], data: moments)],
                        artifacts: vocabulary.map { [Artifact("vocabulary.json", $0)] } ?? [], state: Self.state(step)))
            }
        }
    }

    /// The names in the checkpoints folder.
    func names() throws -> [String] { try folder.names("runs/x/checkpoints") }

    /// The path, in the temporary folder, of a file in the checkpoints folder.
    func place(_ name: String) -> String { "runs/x/checkpoints/\(name)" }

    /// Replaces `old`, which must occur, in a file of a checkpoint, and updates the digest of a state.json.
    func edit(_ file: String, _ old: String, _ new: String) throws {
        var text = try folder.text(place(file))
        guard text.contains(old) else { throw Missing(text: old) }
        text.replace(old, with: new)
        if let ending = text.range(of: ",\n  \"state_digest\": \"") {
            text = String(text[..<ending.lowerBound])
            text += ",\n  \"state_digest\": \"\(Checksum.sha256(of: text))\"\n}\n"
        }
        try folder.write(text, to: place(file))
    }

    /// Changes one bit in the middle of a file's last number.
    func damage(_ file: String) throws {
        try folder.flipBit(place(file), fromEnd: 3)
    }

    struct Missing: Error { let text: String }
}
