import ArgumentParser
import FileFormats
import JobControl
import RunFolder
import System
import Training

/// `lstm-dist inspect`
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Shows a checkpoint: shapes, sizes, step, configuration, checksums.",
        discussion: """
            EXAMPLES
              lstm-dist inspect runs/text
              lstm-dist inspect runs/text/checkpoints/best --verify
            """)

    @Argument(help: "A run folder, or a checkpoint.")
    var checkpoint: String
    @Flag(
        help:
            "Compare the files with their checksums; for a run folder, those of all checkpoints. Exits with 1 if a file differs."
    )
    var verify = false

    func run() throws {
        let folder = try RunDirectory.locate(checkpoint)
        let verification = verify ? CheckpointVerification(ofCheckpoint: folder) : nil
        let siblings = verify ? try RunDirectory.verifyCheckpoints(of: checkpoint, besides: folder) : []
        let damages = ((verification?.damages ?? []) + siblings.flatMap(\.damages)).map { "\($0)" }
        if let verification, !verification.damages.isEmpty {
            try StandardOutput.print("checkpoint  \(folder)")
            try show(verification, siblings)
            throw CommandError.failure(damages.joined(separator: " "))
        }
        let checkpoint = try Checkpoint(path: folder)
        let state = checkpoint.state
        try StandardOutput.print("checkpoint  \(checkpoint.path)")
        let progress =
            state.position == 0
            ? "\(counted(state.epoch - 1, "epoch")) done"
            : "\(counted(state.position, "step")) into epoch \(state.epoch)"
        try StandardOutput.print("step        \(state.step), \(progress)")
        try StandardOutput.print("written by  lstm-dist \(shown(state.programVersion)), format \(state.formatVersion)")
        try StandardOutput.print("seed        \(state.seed)")
        for (title, file) in [("weights", checkpoint.model), ("training state", checkpoint.training)] {
            try StandardOutput.print("\n\(title) (\(file.path))")
            var total = 0
            for name in file.names {
                let shape = file.shape(of: name) ?? []
                let count = file.count(of: name) ?? 0
                total += count
                try StandardOutput.print(
                    "  \(shown(name, limit: 200))  \(shown("\(shape)", limit: 200))  \(byteCount(4 * Double(count)))"
                )
            }
            try StandardOutput.print("  total: \(grouped(total)) values, \(byteCount(4 * Double(total)))")
        }
        if let verification {
            try show(verification, siblings)
        } else {
            try StandardOutput.print("\nchecksums (\(state.checksumAlgorithm))")
            for (file, checksum) in state.checksums.sorted(by: { $0.key < $1.key }) {
                try StandardOutput.print("  \(shown(checksum, limit: 64))  \(shown(file))")
            }
        }
        try StandardOutput.print("\nconfiguration (digest \(shown(state.configDigest, limit: 64)))")
        for line in state.config.split(separator: "\n") {
            try StandardOutput.print("  \(shown(String(line), limit: 10_000))")
        }
        guard damages.isEmpty else { throw CommandError.failure(damages.joined(separator: " ")) }
    }

    private func show(_ verification: CheckpointVerification, _ siblings: [(path: String, damages: [any Error])]) throws
    {
        try StandardOutput.print("\nchecksums (\(CheckpointState.sha256))")
        for file in verification.files {
            let checksum = file.checksum ?? String(repeating: "-", count: 64)
            try StandardOutput.print("  \(checksum)  \(shown(file.name))  \(word(file.damage.map { [$0] } ?? []))")
        }
        if verification.damages.isEmpty { try StandardOutput.print("  all files are as they were written") }
        guard !siblings.isEmpty else { return }
        try StandardOutput.print("\nthe run's other checkpoints")
        for other in siblings { try StandardOutput.print("  \(other.path)  \(word(other.damages))") }
    }

    private func word(_ damages: [any Error]) -> String {
        guard let first = damages.first else { return "as written" }
        if case SystemError.cannotRead = first { return "CANNOT BE READ" }
        return "DAMAGED"
    }
}
