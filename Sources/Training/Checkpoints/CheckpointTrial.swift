import FileFormats
import JobControl
import MPI
import RunFolder
import System

/// Checkpoints without a run, to measure their cost for training: the same copy, and the same write in the background.
/// Its methods are collective; only the root has files.
package final class CheckpointTrial {
    private let work: CheckpointWork?
    private let copy: TrainingSnapshot?
    private var thread: BackgroundWork<CheckpointWork.Result>?
    private var step = 0

    /// - Parameter folder: the folder for the checkpoints; must not exist.
    package init(in folder: String, for trainer: Trainer) throws {
        (work, copy) = try trainer.communicator.agree {
            guard trainer.communicator.isRoot else { return (nil, nil) }
            let run = RunDirectory(path: folder)
            try run.prepare()
            let copy = TrainingSnapshot(for: trainer)
            copy.fill(from: trainer)
            return (CheckpointWork(run: run, lock: nil, metrics: try MetricsFile(path: run.metricsPath), kept: 1), copy)
        }
    }

    /// Begins to write the trainer's state. Training waits until this returns.
    package func begin(_ trainer: Trainer) throws {
        step += 1
        try CheckpointTransfer.checkWeights(trainer) { CommandError.failure("the weights are not finite") }
        try CheckpointTransfer.gather(trainer, into: copy)
        guard let work, let copy else { return }
        let save = CheckpointWork.Save(
            copy: copy,
            state: CheckpointState(
                programVersion: programVersion, step: step, epoch: trainer.epoch, position: trainer.position, seed: 1,
                config: "", extra: .object(RunProgress().members)),
            artifacts: [], isBest: false, outcome: Outcome(state: .running, step: step, reason: "measuring"))
        thread = BackgroundWork { work.carryOut([save]) }
    }

    /// Whether nothing is being written.
    package var isOver: Bool { thread?.hasEnded ?? true }

    /// Waits for the write. Returns its duration on the writer's thread and its CPU time; zeros on ranks other than the
    /// root.
    package func result() throws -> (seconds: Double, coreSeconds: Double) {
        guard let result = thread?.result() else { return (0, 0) }
        thread = nil
        if let failure = result.failure {
            throw CommandError.failure("the checkpoint could not be written: \(failure)")
        }
        return (result.seconds, result.coreSeconds)
    }
}
