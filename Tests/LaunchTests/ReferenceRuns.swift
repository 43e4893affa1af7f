// Trainings that many tests compare with.

import Foundation
import Synchronization
import Testing

/// Undisturbed trainings on the text of `TestFolder.withText`, each made once.
actor ReferenceRuns {
    private static let shared = ReferenceRuns()
    private static let folders = Mutex<[String]>([])

    private struct Key: Hashable {
        let config: String
        let keys: [String]
        let ranks: Int?
    }
    private var trainings: [Key: Task<RunFiles, any Error>] = [:]

    private init() {
        // The folders are needed until the last test; objects that still exist at the exit are not released.
        atexit {
            for path in ReferenceRuns.folders.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) }
        }
    }

    /// The run of a configuration with these keys changed; without mpirun if `ranks` is nil.
    static func run(
        _ config: String, set keys: [String] = [], ranks: Int? = nil
    ) async throws -> RunFiles {
        try await shared.run(Key(config: config, keys: keys, ranks: ranks))
    }

    private func run(_ key: Key) async throws -> RunFiles {
        if let training = trainings[key] { return try await training.value }
        let training = Task {
            let folder = try TestFolder.withText(key.config)
            Self.folders.withLock { $0.append(folder.url.path) }
            return try await folder.train("small.yaml", into: "reference", ranks: key.ranks, set: key.keys)
        }
        trainings[key] = training
        return try await training.value
    }
}
