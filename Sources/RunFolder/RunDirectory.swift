package import FileFormats
import Glibc
import System

/// A run's folder: config.yaml, environment.json, outcome.json, metrics.jsonl and the checkpoints.
///
/// Holds only the path; every call reads the disk. Only rank 0 writes with it, except for failure.json and the ranks'
/// notes. (Not `RunFolder`: no type has its module's name.)
package struct RunDirectory: Sendable, Equatable {
    /// As the user gave it, without slashes at its end.
    package let path: String

    package init(path: String) {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = String(path)
    }

    /// The folder of the checkpoints and the links `best` and `latest`.
    package var checkpointsPath: String { file(RunNames.checkpoints) }
    /// The file that `MetricsFile` writes.
    package var metricsPath: String { file(RunNames.metrics) }

    /// The file of `RunLock`.
    var lockPath: String { file(RunNames.lock) }

    private static let probe = "probe"

    func file(_ name: String) -> String { "\(path)/\(name)" }
}

// MARK: - The folder as a whole

extension RunDirectory {
    /// Makes the folder and its ancestors, unless it exists.
    package func makeFolder() throws { try FolderCalls.make(path, lasting: true) }

    /// Makes the folder and its checkpoints folder, checks by a probe that both can be written, and removes the
    /// leftovers of writers that died. Call it before any work, and while no other process writes there: every
    /// temporary name is then a leftover. (A process number cannot show whether a writer lives: another process may
    /// have it by now, and a process that ended keeps it until its parent, perhaps the container's first process, reaps
    /// it.)
    package func prepare() throws {
        try requireOwnCheckpointsFolder()
        for folder in [path, checkpointsPath] {
            try FolderCalls.make(folder, lasting: true)
            let probe = "\(folder)/\(TemporaryName.of(Self.probe, .new))"
            do {
                try OpenFile.creating(probe).write("probe\n")
            } catch SystemError.cannotWrite(_, let code) {
                unlink(probe)
                throw RunFolderError.cannotWriteInto(folder: folder, code: code)
            }
            try FolderCalls.removeFile(probe)
        }
        try removeClaims()
        // A job that requests the lock at this moment may still need its temporary file.
        try removeLeftoverFiles { $0.name != RunNames.lock || $0.isAbandoned }
        try removeLeftoverCheckpoints { _ in true }
    }

    /// Removes what a failed write of this process left behind, before the next one.
    func clearOwnLeftovers() throws { try removeLeftoverCheckpoints { $0.process == getpid() } }

    /// Whether it holds a configuration, metrics or a checkpoint of an earlier run.
    package var isUsed: Bool {
        get throws {
            if FolderCalls.kind(file(RunNames.config)) != nil || FolderCalls.kind(metricsPath) != nil { return true }
            return try !checkpointSteps().isEmpty
        }
    }

    /// Removes what runs write into their folder, by name; everything else stays, and so does the folder. Links are
    /// removed, not followed.
    package func empty() throws {
        for name in try FolderCalls.entries(of: path) where RunNames.isFile(name) {
            try FolderCalls.removeFile(file(name))
        }
        try removeLeftoverFiles { _ in true }
        try removeClaims()
        try removeNotes()
        if FolderCalls.kind(checkpointsPath) == .link { return try FolderCalls.removeFile(checkpointsPath) }
        try removeLeftoverCheckpoints { _ in true }
        for name in try FolderCalls.entries(of: checkpointsPath) {
            let entry = "\(checkpointsPath)/\(name)"
            if RunNames.step(ofFolder: name) != nil {
                try Self.removeCheckpoint(entry)
            } else if RunNames.isLink(name) {
                try Self.removeCheckpoint(entry)
            }
        }
        try FolderCalls.removeIfEmpty(checkpointsPath)
    }

    /// Removes claims to locks that no longer exist.
    private func removeClaims() throws {
        let current = LockFile(lockPath).map { RunNames.claim(to: $0.contents) }
        for entry in try FolderCalls.entries(of: path) where RunNames.isClaim(entry) && entry != current {
            try FolderCalls.removeFile(file(entry))
        }
    }

    private func removeLeftoverFiles(_ isWanted: (TemporaryName) -> Bool) throws {
        for entry in try FolderCalls.entries(of: path) {
            guard let temporary = TemporaryName(entry), isWanted(temporary) else { continue }
            if RunNames.isFile(temporary.name) || [Self.probe, RunNames.lock].contains(temporary.name) {
                try FolderCalls.removeFile(file(entry))
            }
        }
    }

    /// Restores a checkpoint that was renamed and never replaced; removes other temporary entries.
    private func removeLeftoverCheckpoints(_ isWanted: (TemporaryName) -> Bool) throws {
        for entry in try FolderCalls.entries(of: checkpointsPath) {
            guard let temporary = TemporaryName(entry), isWanted(temporary) else { continue }
            let leftover = "\(checkpointsPath)/\(entry)"
            if RunNames.isLink(temporary.name) || temporary.name == Self.probe {
                try FolderCalls.removeFile(leftover)
            } else if let step = RunNames.step(ofFolder: temporary.name) {
                let target = checkpointPath(ofStep: step)
                let isWhole =
                    FolderCalls.kind(leftover) == .folder && FolderCalls.kind("\(leftover)/\(RunNames.state)") == .file
                if temporary.kind == .old, isWhole, FolderCalls.kind(target) == nil {
                    try FolderCalls.move(leftover, to: target)
                } else {
                    try Self.removeCheckpoint(leftover)
                }
            }
        }
    }

    /// Removes a checkpoint's files and then its folder, unless that holds something else; of a link, removes only the
    /// link.
    static func removeCheckpoint(_ folder: String) throws {
        if FolderCalls.kind(folder) == .link { return try FolderCalls.removeFile(folder) }
        for name in RunNames.inCheckpoint {
            try FolderCalls.removeFile("\(folder)/\(name)")
        }
        try FolderCalls.removeIfEmpty(folder)
    }
}

// MARK: - Its small files

extension RunDirectory {
    /// Writes config.yaml: the resolved configuration.
    package func write(config: String) throws { try AtomicFile.write(config, to: file(RunNames.config)) }

    /// The text of config.yaml.
    package func configText() throws -> String { try FolderCalls.text(of: file(RunNames.config)) }

    /// Identifies this folder by its environment.json; the same value on all hosts, 0 without the file. Another folder
    /// under the same path has another value.
    package var mark: UInt64 {
        var status = stat()
        guard stat(file(RunNames.environment), &status) == 0 else { return 0 }
        return [Int(status.st_ino), Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
            .withUnsafeBytes { Hash64($0).value }
    }

    /// Writes environment.json: version, MPI, hosts and other facts about the environment.
    package func write(environment: JSONValue) throws {
        try AtomicFile.write(environment.indentedText, to: file(RunNames.environment))
    }

    /// Writes outcome.json.
    package func write(outcome: Outcome) throws {
        try AtomicFile.write(outcome.json.indentedText, to: file(RunNames.outcome))
    }

    /// The contents of outcome.json; nil if there is none.
    package func readOutcome() throws -> Outcome? {
        guard FolderCalls.kind(file(RunNames.outcome)) != nil else { return nil }
        return try Outcome(Fields(of: file(RunNames.outcome)))
    }
}

// MARK: - A request to stop

/// A request of `lstm-dist stop` to a running job.
package enum StopRequest: String, Sendable {
    /// Write a checkpoint, then stop.
    case checkpoint
    /// Stop at the next step.
    case now
}

extension RunDirectory {
    /// Writes the request into the run folder, replacing an existing one.
    package func write(_ request: StopRequest) throws {
        try AtomicFile.write(request.rawValue + "\n", to: file(RunNames.stop))
    }

    /// The request in the run folder; nil if there is none. Any other text means `checkpoint`, as does a file made by
    /// hand.
    package func readStopRequest() -> StopRequest? {
        guard FolderCalls.kind(file(RunNames.stop)) == .file else { return nil }
        let text = (try? FolderCalls.text(of: file(RunNames.stop))) ?? ""
        return StopRequest(rawValue: String(text.prefix { !$0.isNewline })) ?? .checkpoint
    }

    /// Removes a request, if there is one: it has been met, or is of an earlier session.
    package func removeStopRequest() throws { try FolderCalls.removeFile(file(RunNames.stop)) }
}
