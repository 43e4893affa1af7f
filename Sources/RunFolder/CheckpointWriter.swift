package import FileFormats
package import System

/// What goes into a checkpoint. The tensors' memory must stay as it is until the writer returns.
package struct CheckpointContents {
    package let model: [SafetensorsTensor]
    package let training: [SafetensorsTensor]
    /// The other files that the task needs.
    package let artifacts: [Artifact]
    /// Its `checksums` are the writer's to fill in.
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

/// Writes the checkpoints of one run folder and moves its links. One thread at a time.
///
/// A checkpoint appears whole, by a rename: whatever happens meanwhile, the ones before it stay as they are.
package struct CheckpointWriter: Sendable {
    package let run: RunDirectory
    /// Looked at before each change, if the run folder has been locked.
    private let lock: RunLock?

    /// The run folder must have been prepared.
    package init(run: RunDirectory, lock: RunLock? = nil) {
        self.run = run
        self.lock = lock
    }

    /// Writes the checkpoint of its step, in the place of one that is there, points `latest` to it and returns its
    /// folder, all on the disk.
    /// - Throws: `RunFolderError.noLinks` where only the link could not be made: the checkpoint is whole.
    @discardableResult
    package func write(_ contents: CheckpointContents) throws -> String {
        let name = RunNames.folder(ofStep: contents.step)
        let passing = "\(run.checkpointsPath)/\(PassingName.of(name, .new))"
        let place = run.checkpointPath(ofStep: contents.step)
        try lock?.check()
        try run.clearOwnLeftovers()
        do {
            try FolderCalls.makeOne(run.checkpointsPath)
            try FolderCalls.makeNew(passing)
            try fill(passing, with: contents)
            try lock?.check()
            try replace(place, by: passing, aside: "\(run.checkpointsPath)/\(PassingName.of(name, .old))")
        } catch {
            try? RunDirectory.removeCheckpoint(passing)
            throw error
        }
        try point(RunNames.latest, to: name)
        return place
    }

    /// Points `best` to the checkpoint of that step, which must be there.
    package func pointBest(to step: Int) throws {
        guard try run.checkpointSteps().contains(step) else {
            throw RunFolderError.noCheckpointOfStep(run: run.path, step: step)
        }
        try point(RunNames.best, to: RunNames.folder(ofStep: step))
    }

    /// Removes the oldest checkpoints beyond `count`; the one that `best` points to is neither counted nor removed, and
    /// the one that `latest` points to, which was written whole, is never removed.
    package func keep(_ count: Int) throws {
        try lock?.check()
        let best = run.bestStep
        let latest = run.latestStep
        let counted = try run.checkpointSteps().filter { $0 != best }
        for step in counted.dropLast(max(0, count)) where step != latest { try remove(step) }
    }

    /// Points `latest` to the checkpoint that the run goes on from, and `best` to the one of that step: a crash may have come
    /// between a checkpoint and its links. What isn't there, or isn't known, stays as it is; so does everything if the
    /// checkpoint is not this run's.
    package func mendLinks(goingOnFrom checkpoint: Checkpoint, best: Int?) throws {
        let latest = checkpoint.state.step
        guard FolderCalls.isSame(checkpoint.path, run.checkpointPath(ofStep: latest)) else { return }
        let steps = try run.checkpointSteps()
        for (link, step) in [(RunNames.latest, latest), (RunNames.best, best)] {
            guard let step, steps.contains(step), run.linkedStep(link) != step else { continue }
            try pointIfPossible(link, to: step)
        }
    }

    /// Removes the checkpoints of later steps, for a run that goes on from an older one by another road: else they would
    /// pass for its newest. Links that led to them move to the newest that stays (`latest`) or go (`best`).
    ///
    /// - Returns: those steps, ascending.
    @discardableResult
    package func discard(after step: Int) throws -> [Int] {
        let steps = try run.checkpointSteps()
        let staying = steps.last { $0 <= step }
        if let latest = run.linkedStep(RunNames.latest), latest > step {
            if let staying {
                try pointIfPossible(RunNames.latest, to: staying)
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

    /// Removes a checkpoint. It loses its name first: half removed, it is no damaged checkpoint but a leftover. One that holds
    /// somebody else's files keeps its name, and them.
    private func remove(_ step: Int) throws {
        let place = run.checkpointPath(ofStep: step)
        guard try FolderCalls.entries(of: place).allSatisfy(RunNames.inCheckpoint.contains) else {
            return try RunDirectory.removeCheckpoint(place)
        }
        let passing = "\(run.checkpointsPath)/\(PassingName.of(RunNames.folder(ofStep: step), .new))"
        try FolderCalls.move(place, to: passing)
        try RunDirectory.removeCheckpoint(passing)
    }

    /// Every file, synced one by one; state.json comes last and makes it whole.
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

    /// Renames `passing` to `place`. What is there steps aside first: a crash in between leaves it under its passing
    /// name, from where `prepare` takes it back.
    private func replace(_ place: String, by passing: String, aside: String) throws {
        guard FolderCalls.kind(place) != nil else {
            try FolderCalls.move(passing, to: place)
            return try FolderCalls.sync(run.checkpointsPath)
        }
        try FolderCalls.move(place, to: aside)
        do {
            try FolderCalls.move(passing, to: place)
        } catch {
            try? FolderCalls.move(aside, to: place)
            throw error
        }
        try FolderCalls.sync(run.checkpointsPath)
        try RunDirectory.removeCheckpoint(aside)
    }

    private func point(_ link: String, to folder: String) throws {
        try lock?.check()
        let path = "\(run.checkpointsPath)/\(link)"
        // A copy of a checkpoint in the place of the link, as `cp -L` makes one.
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
