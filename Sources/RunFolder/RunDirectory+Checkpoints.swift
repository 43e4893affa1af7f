import FileFormats
import Glibc
import System

/// Finding checkpoints.
extension RunDirectory {
    /// The steps of the finished checkpoints, ascending.
    package func checkpointSteps() throws -> [Int] {
        try stepFolders().filter { FolderCalls.isFile("\(checkpointPath(ofStep: $0))/\(RunNames.state)") }
    }

    /// The path of that step's checkpoint, whether it exists or not.
    package func checkpointPath(ofStep step: Int) -> String {
        "\(checkpointsPath)/\(RunNames.folder(ofStep: step))"
    }

    /// The newest checkpoint whose files all match the recorded checksums.
    ///
    /// - Returns: the checkpoint, or nil, and a sentence for each newer one that is damaged. No checkpoint but such
    ///   sentences means that a run would start from step 0 over the remains of another.
    /// - Throws: `RunFolderError.newerFormat` if a newer program has written one, `SystemError.cannotRead` if
    ///   permission is missing: silently falling back to an older one would lose work.
    package func newestCheckpoint() throws -> (checkpoint: Checkpoint?, damaged: [String]) {
        var damaged: [String] = []
        for step in try stepFolders().reversed() {
            do {
                let checkpoint = try Checkpoint(path: folder(named: RunNames.folder(ofStep: step)))
                try checkpoint.verify()
                return (checkpoint, damaged)
            } catch let error as RunFolderError {
                if case .newerFormat = error { throw error }
                damaged.append("\(error)")
            } catch SystemError.cannotRead(let path, let code) where code == EACCES || code == EPERM {
                throw SystemError.cannotRead(path: path, code: code)
            } catch {
                damaged.append("\(error)")
            }
        }
        return (nil, damaged)
    }

    /// Resolves a command's argument to a checkpoint. A run folder: the best one, else the latest, else the newest
    /// complete one. A checkpoint's folder, a link to one, or the model.safetensors inside one: that checkpoint.
    package static func resolve(_ argument: String) throws -> Checkpoint {
        // A running training may just have removed the checkpoint: a link then has another target by now.
        for _ in 1...20 {
            if let checkpoint = try? Checkpoint(path: locate(argument)) { return checkpoint }
            usleep(10_000)
        }
        return try Checkpoint(path: locate(argument))
    }

    /// The folder of the checkpoint that `resolve` would open, or a link to it; not checked for completeness.
    package static func locate(_ argument: String) throws -> String {
        let run = RunDirectory(path: argument)
        if FolderCalls.isFile(run.path) {
            let slash = run.path.lastIndex(of: "/")
            guard run.path[(slash.map { run.path.index(after: $0) } ?? run.path.startIndex)...] == RunNames.model else {
                throw RunFolderError.notAModel(path: argument)
            }
            return slash.map { String(run.path[..<$0]) } ?? "."
        }
        guard FolderCalls.isFolder(run.path) else {
            throw RunFolderError.nothingThere(path: argument, code: FolderCalls.fault(at: run.path) ?? ENOTDIR)
        }
        if [RunNames.state, RunNames.model].contains(where: { FolderCalls.kind("\(run.path)/\($0)") != nil }) {
            return run.path
        }
        try run.requireCheckpointsFolder()
        try run.requireOwnCheckpointsFolder()
        func isThere(_ link: String) -> Bool { FolderCalls.isFolder("\(run.checkpointsPath)/\(link)") }
        if isThere(RunNames.best) { return try run.folder(named: RunNames.best) }
        if let step = run.bestStep, try run.checkpointSteps().contains(step) { return run.checkpointPath(ofStep: step) }
        if isThere(RunNames.latest) { return try run.folder(named: RunNames.latest) }
        let (newest, damaged) = try run.newestCheckpoint()
        guard let newest else { throw RunFolderError.noCheckpoint(run: run.path, damaged: damaged) }
        return newest.path
    }

    /// The step of the best checkpoint: the target of the link, or, without links, as recorded in the newest
    /// checkpoint; nil if there is none.
    package var bestStep: Int? {
        if let step = linkedStep(RunNames.best) { return step }
        guard let newest = try? checkpointSteps().last else { return nil }
        return try? CheckpointState(ofCheckpoint: checkpointPath(ofStep: newest)).bestStep
    }

    /// The step of the latest checkpoint: the target of the link, or, without links, the newest checkpoint; nil if
    /// there is none.
    package var latestStep: Int? { linkedStep(RunNames.latest) ?? (try? checkpointSteps())?.last }

    /// The step of the checkpoint that `best` or `latest` links to or is a copy of; nil if there is none.
    func linkedStep(_ link: String) -> Int? {
        let path = "\(checkpointsPath)/\(link)"
        switch FolderCalls.kind(path) {
        case .link: return FolderCalls.linkTarget(path).flatMap(RunNames.step(ofFolder:))
        case .folder: return try? CheckpointState(ofCheckpoint: path).step
        default: return nil
        }
    }

    /// The run folder that an argument names; it must hold what a training writes.
    package static func existing(_ argument: String) throws -> RunDirectory {
        let run = RunDirectory(path: argument)
        guard FolderCalls.isFolder(run.path) else {
            throw RunFolderError.nothingThere(path: argument, code: FolderCalls.fault(at: run.path) ?? ENOTDIR)
        }
        try run.requireCheckpointsFolder()
        return run
    }

    /// Throws if the checkpoints folder is missing or inaccessible.
    private func requireCheckpointsFolder() throws {
        if FolderCalls.isFolder(checkpointsPath) { return }
        if let code = FolderCalls.fault(at: checkpointsPath), code != ENOENT, code != ENOTDIR {
            throw RunFolderError.nothingThere(path: checkpointsPath, code: code)
        }
        throw RunFolderError.notARun(path: path)
    }

    /// The path of a checkpoint's folder by its name or by the name of a link. A link must lead to a folder next to it:
    /// otherwise a run folder from somebody else could lead to any file.
    func folder(named name: String) throws -> String {
        let path = "\(checkpointsPath)/\(name)"
        guard let target = FolderCalls.linkTarget(path) else { return path }
        guard RunNames.isLink(name) else {
            throw RunFolderError.strangeLink(path: path, target: target, expected: "a checkpoint's folder itself")
        }
        guard RunNames.step(ofFolder: target) != nil else {
            throw RunFolderError.strangeLink(
                path: path, target: target,
                expected: "the name of a checkpoint's folder next to it, such as \(RunNames.folder(ofStep: 500)),")
        }
        return try folder(named: target)
    }

    /// Throws if the checkpoints folder is a link.
    func requireOwnCheckpointsFolder() throws {
        guard let target = FolderCalls.linkTarget(checkpointsPath) else { return }
        throw RunFolderError.strangeLink(
            path: checkpointsPath, target: target,
            expected: "a folder (--run may name a run folder in another place)")
    }

    /// The steps of all folders with a checkpoint's name, ascending.
    func stepFolders() throws -> [Int] {
        try requireOwnCheckpointsFolder()
        return try FolderCalls.entries(of: checkpointsPath).compactMap(RunNames.step(ofFolder:)).sorted()
    }
}
