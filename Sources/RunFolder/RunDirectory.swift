package import FileFormats
import Glibc
import System

/// A run's folder: config.yaml, environment.json, outcome.json, metrics.jsonl and the checkpoints.
///
/// A value that knows the path and the names; every call looks at the disk anew. Rank 0 alone uses it to write.
/// (Not `RunFolder`, since no type bears its module's name.)
package struct RunDirectory: Sendable, Equatable {
    /// As the user gave it, without slashes at its end.
    package let path: String

    package init(path: String) {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = String(path)
    }

    /// The folder of the checkpoints and of the links `best` and `latest`.
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
    /// Makes the folder, and those above it, unless it is there.
    package func makeFolder() throws { try FolderCalls.make(path, lasting: true) }

    /// Makes the folder and its checkpoints folder, proves by a probe that both can be written, and clears away what
    /// writers that died have left. Call it before any work, and while nobody else writes there: what has a passing name is
    /// then of no use to anybody. (Whether a writer still lives can't be told by its process number: another may have it by
    /// now, and a process that ended keeps it until its parent, perhaps the container's first process, takes notice.)
    package func prepare() throws {
        try requireOwnCheckpointsFolder()
        for folder in [path, checkpointsPath] {
            try FolderCalls.make(folder, lasting: true)
            let probe = "\(folder)/\(PassingName.of(Self.probe, .new))"
            do {
                try OpenFile.creating(probe).write("probe\n")
            } catch SystemError.cannotWrite(_, let code) {
                unlink(probe)
                throw RunFolderError.cannotWriteInto(folder: folder, code: code)
            }
            try FolderCalls.removeFile(probe)
        }
        try removeClaims()
        // A job that asks for the lock at this moment may still want its file.
        try removeLeftoverFiles { $0.name != RunNames.lock || $0.isAbandoned }
        try removeLeftoverCheckpoints { _ in true }
    }

    /// Clears away what a write of this process that failed could not remove, before its next one.
    func clearOwnLeftovers() throws { try removeLeftoverCheckpoints { $0.process == getpid() } }

    /// Holds a configuration, metrics or a checkpoint of an earlier run.
    package var isUsed: Bool {
        get throws {
            if FolderCalls.kind(file(RunNames.config)) != nil || FolderCalls.kind(metricsPath) != nil { return true }
            return try !checkpointSteps().isEmpty
        }
    }

    /// Removes what runs write into their folder, known by the names; everything else stays, and so does the folder.
    /// Links are removed, not followed.
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

    /// Removes claims to locks that are there no more.
    private func removeClaims() throws {
        let current = LockFile(lockPath).map { RunNames.claim(to: $0.contents) }
        for entry in try FolderCalls.entries(of: path) where RunNames.isClaim(entry) && entry != current {
            try FolderCalls.removeFile(file(entry))
        }
    }

    private func removeLeftoverFiles(_ isWanted: (PassingName) -> Bool) throws {
        for entry in try FolderCalls.entries(of: path) {
            guard let passing = PassingName(entry), isWanted(passing) else { continue }
            if RunNames.isFile(passing.name) || [Self.probe, RunNames.lock].contains(passing.name) {
                try FolderCalls.removeFile(file(entry))
            }
        }
    }

    /// A checkpoint that was put aside and never replaced goes back to its place; other passing entries are removed.
    private func removeLeftoverCheckpoints(_ isWanted: (PassingName) -> Bool) throws {
        for entry in try FolderCalls.entries(of: checkpointsPath) {
            guard let passing = PassingName(entry), isWanted(passing) else { continue }
            let leftover = "\(checkpointsPath)/\(entry)"
            if RunNames.isLink(passing.name) || passing.name == Self.probe {
                try FolderCalls.removeFile(leftover)
            } else if let step = RunNames.step(ofFolder: passing.name) {
                let place = checkpointPath(ofStep: step)
                let isWhole =
                    FolderCalls.kind(leftover) == .folder && FolderCalls.kind("\(leftover)/\(RunNames.state)") == .file
                if passing.kind == .old, isWhole, FolderCalls.kind(place) == nil {
                    try FolderCalls.move(leftover, to: place)
                } else {
                    try Self.removeCheckpoint(leftover)
                }
            }
        }
    }

    /// Removes a checkpoint's files and then its folder, unless that holds something else; of a link only the link.
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

    /// Identifies this folder by its environment.json, the same from any host; 0 where there is none. Another folder under the
    /// same path has another value.
    package var mark: UInt64 {
        var status = stat()
        guard stat(file(RunNames.environment), &status) == 0 else { return 0 }
        return [Int(status.st_ino), Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
            .withUnsafeBytes { Hash64($0).value }
    }

    /// Writes environment.json: version, MPI, hosts and what else describes where the run takes place.
    package func write(environment: JSONValue) throws {
        try AtomicFile.write(environment.indentedText, to: file(RunNames.environment))
    }

    /// Writes outcome.json.
    package func write(outcome: Outcome) throws {
        try AtomicFile.write(outcome.json.indentedText, to: file(RunNames.outcome))
    }

    /// What outcome.json says; nil if there is none.
    package func readOutcome() throws -> Outcome? {
        guard FolderCalls.kind(file(RunNames.outcome)) != nil else { return nil }
        return try Outcome(Fields(of: file(RunNames.outcome)))
    }
}

// MARK: - A request to stop

/// What `lstm-dist stop` asks of a running job.
package enum StopRequest: String, Sendable {
    /// A checkpoint, then the end.
    case checkpoint
    /// The end at the next step.
    case now
}

extension RunDirectory {
    /// Leaves the request in the run folder, in the place of one that is there.
    package func write(_ request: StopRequest) throws {
        try AtomicFile.write(request.rawValue + "\n", to: file(RunNames.stop))
    }

    /// The request that lies in the run folder; nil if there is none. Any other text means `checkpoint`, as does a file made by hand.
    package func readStopRequest() -> StopRequest? {
        guard FolderCalls.kind(file(RunNames.stop)) == .file else { return nil }
        let text = (try? FolderCalls.text(of: file(RunNames.stop))) ?? ""
        return StopRequest(rawValue: String(text.prefix { !$0.isNewline })) ?? .checkpoint
    }

    /// Takes a request away, if there is one: it is met, or of an earlier leg.
    package func removeStopRequest() throws { try FolderCalls.removeFile(file(RunNames.stop)) }
}
