import Foundation
import Synchronization

/// Repeats `work` with a growing round number, from 1, in a separate thread while `body` runs. In a thread, not in a
/// task, because other tests may keep the threads of tasks busy.
func repeating(_ work: @escaping @Sendable (_ round: Int) -> Void, while body: () throws -> Void) rethrows {
    final class Flag: Sendable { let isOver = Atomic<Bool>(false) }
    let flag = Flag()
    let ended = DispatchSemaphore(value: 0)
    Thread {
        var round = 0
        while !flag.isOver.load(ordering: .relaxed) {
            round += 1
            work(round)
        }
        ended.signal()
    }.start()
    defer {
        flag.isOver.store(true, ordering: .relaxed)
        ended.wait()
    }
    try body()
}
