package import FileFormats
package import System

/// The contents of a checkpoint. The tensors' memory must not change until the writer returns.
package struct CheckpointContents {
    package let model: [SafetensorsTensor]
    package let training: [SafetensorsTensor]
    /// The other files that the task needs.
    package let artifacts: [Artifact]
    /// Its `checksums` are filled in by the writer.
    package let state: CheckpointState

    package var step: Int { state.step }

    package init(
        model: [SafetensorsTensor], training: [SafetensorsTensor], artifacts: [Artifact] = [], state: CheckpointState
    ) {
        self.model = model
        self.training = training
        precondition(
            artifacts.allSatisfy { RunNames.artifacts.contains($0.name) }, "the format knows the artifacts' names")
        self.artifacts = artifacts
        self.state = state
    }
}

/// Writes the checkpoints of one run folder and moves its links. For one thread at a time.
///
/// A checkpoint appears complete, by a rename: a failure leaves the earlier ones unchanged.
package struct CheckpointWriter: Sendable {
    package let run: RunDirectory
    /// Checked before each change, if the run folder has been locked.
    private let lock: RunLock?

    /// The run folder must have been prepared.
    package init(run: RunDirectory, lock: RunLock? = nil) {
        self.run = run
        self.lock = lock
    }

    /// Writes the checkpoint of its step, replacing an existing one, points `latest` to it and returns its folder;
    /// everything is on the disk by then.
    /// - Throws: `RunFolderError.noLinks` if only the link could not be made: the checkpoint is complete.
    @discardableResult
    package func write(_ contents: CheckpointContents) throws -> String {
        let name = RunNames.folder(ofStep: contents.step)
        let temporary = "\(run.checkpointsPath)/\(TemporaryName.of(name, .new))"
        let target = run.checkpointPath(ofStep: contents.step)
        try lock?.check()
        try run.clearOwnLeftovers()
        do {
            try FolderCalls.makeOne(run.checkpointsPath)
            try FolderCalls.makeNew(temporary)
            try fill(temporary, with: contents)
            try lock?.check()
            try replace(target, by: temporary, aside: "\(run.checkpointsPath)/\(TemporaryName.of(name, .old))")
        } catch {
            try? RunDirectory.removeCheckpoint(temporary)
            throw error
        }
        try point(RunNames.latest, to: name)
        return target
    }

    /// Points `best` to the checkpoint of `step`, which must exist.
    package func pointBest(to step: Int) throws {
        guard try run.checkpointSteps().contains(step) else {
            throw RunFolderError.noCheckpointOfStep(run: run.path, step: step)
        }
        try point(RunNames.best, to: RunNames.folder(ofStep: step))
    }

    /// Removes the oldest checkpoints beyond `count`. The target of `best` is neither counted nor removed; the target
    /// of `latest`, which is known to be complete, is never removed.
    package func keep(_ count: Int) throws {
        try lock?.check()
        let best = run.bestStep
        let latest = run.latestStep
        let counted = try run.checkpointSteps().filter { $0 != best }
        for step in counted.dropLast(max(0, count)) where step != latest { try remove(step) }
    }

    /// Points `latest` to the checkpoint that the run resumes from, and `best` to the checkpoint of step `best`: a
    /// crash may have come between a checkpoint and its links. A link whose target is missing or unknown is not
    /// changed; nor is any if the checkpoint belongs to another run.
    package func mendLinks(goingOnFrom checkpoint: Checkpoint, best: Int?) throws {
        let latest = checkpoint.state.step
        guard FolderCalls.isSame(checkpoint.path, run.checkpointPath(ofStep: latest)) else { return }
        let steps = try run.checkpointSteps()
        for (link, step) in [(RunNames.latest, latest), (RunNames.best, best)] {
            guard let step, steps.contains(step), run.linkedStep(link) != step else { continue }
            try pointIfPossible(link, to: step)
        }
    }

    /// Removes the checkpoints of later steps when a run resumes from an older one: otherwise they would pass for its
    /// newest. A link to one of them moves to the newest that remains (`latest`) or is removed (`best`).
    ///
    /// - Returns: the removed steps, ascending.
    @discardableResult
    package func discard(after step: Int) throws -> [Int] {
        let steps = try run.checkpointSteps()
        let remaining = steps.last { $0 <= step }
        if let latest = run.linkedStep(RunNames.latest), latest > step {
            if let remaining {
                try pointIfPossible(RunNames.latest, to: remaining)
            } else {
                try RunDirectory.removeCheckpoint("\(run.checkpointsPath)/\(RunNames.latest)")
            }
        }
        if let best = run.linkedStep(RunNames.best), best > step {
            try RunDirectory.removeCheckpoint("\(run.checkpointsPath)/\(RunNames.best)")
        }
        let later = steps.filter { $0 > step }
        for step in later { try remove(step) }
        return later
    }

    /// Removes a checkpoint. It is renamed first, so that a crash leaves a leftover and not a damaged checkpoint. One
    /// that holds foreign files keeps its name, and those files.
    private func remove(_ step: Int) throws {
        let target = run.checkpointPath(ofStep: step)
        guard try FolderCalls.entries(of: target).allSatisfy(RunNames.inCheckpoint.contains) else {
            return try RunDirectory.removeCheckpoint(target)
        }
        let temporary = "\(run.checkpointsPath)/\(TemporaryName.of(RunNames.folder(ofStep: step), .new))"
        try FolderCalls.move(target, to: temporary)
        try RunDirectory.removeCheckpoint(temporary)
    }

    /// Writes and syncs each file; state.json comes last and makes the checkpoint complete.
    private func fill(_ folder: String, with contents: CheckpointContents) throws {
        var state = contents.state
        state.checksums = [:]
        state.checksums[RunNames.model] = try SafetensorsWriter.write(
            to: "\(folder)/\(RunNames.model)", tensors: contents.model,
            metadata: contents.artifacts.modelMetadata, isNew: true)
        state.checksums[RunNames.training] = try SafetensorsWriter.write(
            to: "\(folder)/\(RunNames.training)", tensors: contents.training, isNew: true)
        for artifact in contents.artifacts {
            try write(artifact.text, to: "\(folder)/\(artifact.name)")
            state.checksums[artifact.name] = Checksum.sha256(of: artifact.text)
        }
        try write(state.text, to: "\(folder)/\(RunNames.state)")
        try FolderCalls.sync(folder)
    }

    private func write(_ text: String, to path: String) throws {
        let file = try OpenFile.creating(path)
        try file.write(text)
        try file.sync()
    }

    /// Renames `temporary` to `target`. An existing folder is renamed first: after a crash in between, `prepare` moves
    /// it back.
    private func replace(_ target: String, by temporary: String, aside: String) throws {
        guard FolderCalls.kind(target) != nil else {
            try FolderCalls.move(temporary, to: target)
            return try FolderCalls.sync(run.checkpointsPath)
        }
        try FolderCalls.move(target, to: aside)
        do {
            try FolderCalls.move(temporary, to: target)
        } catch {
            try? FolderCalls.move(aside, to: target)
            throw error
        }
        try FolderCalls.sync(run.checkpointsPath)
        try RunDirectory.removeCheckpoint(aside)
    }

    private func point(_ link: String, to folder: String) throws {
        try lock?.check()
        let path = "\(run.checkpointsPath)/\(link)"
        // A copy of a checkpoint instead of the link, as `cp -L` makes one.
        if FolderCalls.kind(path) == .folder { try RunDirectory.removeCheckpoint(path) }
        do {
            try AtomicFile.link(path, to: folder)
        } catch SystemError.cannotWrite(_, let code) where FolderCalls.meansNoLinks(code) {
            throw RunFolderError.noLinks(path: path, code: code)
        }
    }

    private func pointIfPossible(_ link: String, to step: Int) throws {
        do {
            try point(link, to: RunNames.folder(ofStep: step))
        } catch RunFolderError.noLinks {
            return
        }
    }
}
