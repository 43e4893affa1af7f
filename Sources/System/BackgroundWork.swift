import Glibc
import Synchronization

/// A thread that computes one value and ends.
package final class BackgroundWork<Value: Sendable> {
    private let task: Task
    private var id: pthread_t?

    /// The state shared by the two threads.
    private final class Task: Sendable {
        let work: @Sendable () -> Value
        let value = Mutex<Value?>(nil)

        init(_ work: @escaping @Sendable () -> Value) { self.work = work }

        func run() {
            let found = work()
            value.withLock { $0 = found }
        }
    }

    /// Starts the thread. If the system can't start one, the work is done before this returns.
    package init(_ work: @escaping @Sendable () -> Value) {
        let task = Task(work)
        self.task = task
        let (code, id) = startThread { task.run() }
        if code == 0 { self.id = id } else { task.run() }
    }

    deinit { join() }

    package var hasEnded: Bool { task.value.withLock { $0 != nil } }

    /// Waits until the work has ended.
    package func result() -> Value {
        join()
        return task.value.withLock { $0 }!  // the thread has ended, so there is a value
    }

    private func join() {
        if let id { pthread_join(id, nil) }
        id = nil
    }
}
