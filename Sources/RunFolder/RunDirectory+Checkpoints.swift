import FileFormats
import Glibc
import System

/// Finding checkpoints.
extension RunDirectory {
    /// The steps of the finished checkpoints, ascending.
    package func checkpointSteps() throws -> [Int] {
        try stepFolders().filter { FolderCalls.isFile("\(checkpointPath(ofStep: $0))/\(RunNames.state)") }
    }

    /// Where the checkpoint of that step is, if there is one.
    package func checkpointPath(ofStep step: Int) -> String {
        "\(checkpointsPath)/\(RunNames.folder(ofStep: step))"
    }

    /// The newest checkpoint whose files all have the checksums written down.
    ///
    /// - Returns: that checkpoint, nil if there is none, and for each newer one that is damaged a sentence that says so:
    ///   with no checkpoint but such sentences, a run would start anew over the remains of another.
    /// - Throws: `RunFolderError.newerFormat` if a newer program has written one, `SystemError.cannotRead` if it may not be read:
    ///   going back behind it in silence would lose its work.
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

    /// The checkpoint that a command's argument means: of a run folder the best one, else the latest, else the newest
    /// whole one; of a checkpoint's folder, a link to one, or the model.safetensors inside one, that checkpoint.
    package static func resolve(_ argument: String) throws -> Checkpoint {
        // A training that is under way may have removed what was found a moment ago: a link then leads elsewhere by now.
        for _ in 1...20 {
            if let checkpoint = try? Checkpoint(path: locate(argument)) { return checkpoint }
            usleep(10_000)
        }
        return try Checkpoint(path: locate(argument))
    }

    /// The folder of the checkpoint that `resolve` would open, or a link to it; whether it is whole is not looked at.
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

    /// The step of the best checkpoint: where the link leads, or, without links, what the newest checkpoint says; nil if there is none.
    package var bestStep: Int? {
        if let step = linkedStep(RunNames.best) { return step }
        guard let newest = try? checkpointSteps().last else { return nil }
        return try? CheckpointState(ofCheckpoint: checkpointPath(ofStep: newest)).bestStep
    }

    /// The step of the latest checkpoint: where the link leads, or, without links, of the newest; nil if there is none.
    package var latestStep: Int? { linkedStep(RunNames.latest) ?? (try? checkpointSteps())?.last }

    /// The step of the checkpoint that `best` or `latest` leads to, or is a copy of; nil if there is none.
    func linkedStep(_ link: String) -> Int? {
        let path = "\(checkpointsPath)/\(link)"
        switch FolderCalls.kind(path) {
        case .link: return FolderCalls.linkTarget(path).flatMap(RunNames.step(ofFolder:))
        case .folder: return try? CheckpointState(ofCheckpoint: path).step
        default: return nil
        }
    }

    /// The run folder that an argument names, which must hold what a training writes.
    package static func existing(_ argument: String) throws -> RunDirectory {
        let run = RunDirectory(path: argument)
        guard FolderCalls.isFolder(run.path) else {
            throw RunFolderError.nothingThere(path: argument, code: FolderCalls.fault(at: run.path) ?? ENOTDIR)
        }
        try run.requireCheckpointsFolder()
        return run
    }

    /// Throws if there is no folder of checkpoints, or it can't be seen.
    private func requireCheckpointsFolder() throws {
        if FolderCalls.isFolder(checkpointsPath) { return }
        if let code = FolderCalls.fault(at: checkpointsPath), code != ENOENT, code != ENOTDIR {
            throw RunFolderError.nothingThere(path: checkpointsPath, code: code)
        }
        throw RunFolderError.notARun(path: path)
    }

    /// A checkpoint's folder by its name, or by that of a link beside it. Such a link leads to a folder beside it and
    /// nowhere else: a run folder that came from somebody else could lead to any file otherwise.
    func folder(named name: String) throws -> String {
        let path = "\(checkpointsPath)/\(name)"
        guard let target = FolderCalls.linkTarget(path) else { return path }
        guard RunNames.isLink(name) else {
            throw RunFolderError.strangeLink(path: path, target: target, expected: "a checkpoint's folder itself")
        }
        guard RunNames.step(ofFolder: target) != nil else {
            throw RunFolderError.strangeLink(
                path: path, target: target,
                expected: "the name of a checkpoint's folder beside it, such as \(RunNames.folder(ofStep: 500)),")
        }
        return try folder(named: target)
    }

    /// Throws if the folder of the checkpoints is a link to another place.
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
