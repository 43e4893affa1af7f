import Glibc
import Synchronization

/// A thread that does one piece of work and ends.
final class WriterThread {
    private let task: Task
    private var id: pthread_t?

    /// What the two threads share.
    private final class Task: Sendable {
        let work: @Sendable () -> CheckpointWork.Result
        let result = Mutex<CheckpointWork.Result?>(nil)

        init(_ work: @escaping @Sendable () -> CheckpointWork.Result) { self.work = work }

        func carryOut() {
            let found = work()
            result.withLock { $0 = found }
        }
    }

    /// Starts it. Where the system has no thread to give, the work is done before this returns.
    init(_ work: @escaping @Sendable () -> CheckpointWork.Result) {
        let task = Task(work)
        self.task = task
        let (code, id) = startThread { task.carryOut() }
        if code == 0 { self.id = id } else { task.carryOut() }
    }

    deinit { join() }

    var hasEnded: Bool { task.result.withLock { $0 != nil } }

    /// Waits for the work's end.
    func result() -> CheckpointWork.Result {
        join()
        return task.result.withLock { $0 }!  // the thread has ended, so it is there
    }

    private func join() {
        if let id { pthread_join(id, nil) }
        id = nil
    }
}
