import Glibc
import Optimization
import RunFolder
import Tensors

/// Room on a disk.
enum DiskRoom {
    /// Bytes that this user may still write where `path` is; nil where the system can't say.
    static func free(at path: String) -> Double? {
        var status = statvfs()
        guard statvfs(path, &status) == 0, status.f_blocks > 0 else { return nil }
        return Double(status.f_bavail) * Double(status.f_frsize)
    }

    /// - Throws: a `TrainingError` before any work, where not even one checkpoint has room.
    static func check(for trainer: Trainer, in run: RunDirectory) throws {
        let needed = Double(
            trainer.memory.parameters.count * (1 + trainer.optimizer.slots.count) * MemoryLayout<Float>.stride)
        guard let free = free(at: run.checkpointsPath), free < needed else { return }
        throw TrainingError.failure(
            "\(run.path): the disk has \(MemoryEstimate.text(free)) left, and a checkpoint needs "
                + "\(MemoryEstimate.text(needed)); accepted: more room, or --run on another disk")
    }
}
