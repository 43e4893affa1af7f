import Foundation
import Glibc
import Synchronization
import System

/// The processes that a benchmark has started, and its folder. When a signal ends this process, they are ended too and
/// the folder is removed: a terminal's Ctrl-C does not reach them, because each is in a separate process group.
final class StartedProcesses: Sendable {
    private struct State {
        var ids: Set<Int32> = []
        var isEnding = false
    }

    private let folder: URL
    private let state = Mutex(State())

    /// The signals that end this process in an orderly way.
    private static let signals = [SIGINT, SIGTERM, SIGHUP]
    /// Seconds that mpirun gets to end its ranks.
    private static let patience = 5.0
    /// The write end of the pipe that wakes the watching thread; written before any handler is installed.
    private static let wake = Atomic<Int32>(-1)

    /// From now on the signals, unless ignored, end this process together with those that it has started. Create only
    /// one per process.
    init(in folder: URL) {
        self.folder = folder
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let output = ends[0]
        Self.wake.store(ends[1], ordering: .sequentiallyConsistent)
        guard startThread(isDetached: true, { self.waitForSignal(output) }).code == 0 else { return }
        for number in Self.signals {
            var action = sigaction()
            sigaction(number, nil, &action)
            // Functions can't be compared; SIG_IGN is the address 1.
            guard unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) != 1 else { continue }
            action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(StartedProcesses.wake.load(ordering: .relaxed), &byte, 1)
            }
            action.sa_flags = SA_RESTART
            sigaction(number, &action, nil)
        }
    }

    /// Starts a process. Throws once this process is being ended.
    func start(_ process: Process) throws {
        try state.withLock { state in
            guard !state.isEnding else { throw CommandError.failure("ended by a signal") }
            try process.run()
            state.ids.insert(process.processIdentifier)
        }
    }

    /// Waits until the process has ended. Does not return if this process is being ended, so that the other's end is
    /// not reported as a failure.
    func wait(for process: Process) {
        process.waitUntilExit()
        let isEnding = state.withLock { state in
            state.ids.remove(process.processIdentifier)
            return state.isEnding
        }
        while isEnding { pause() }
    }

    private func waitForSignal(_ output: Int32) {
        var number: UInt8 = 0
        while read(output, &number, 1) != 1 {}
        let ids = state.withLock { state in
            state.isEnding = true
            return state.ids
        }
        // mpirun ends its ranks at SIGTERM.
        for id in ids { kill(id, SIGTERM) }
        let deadline = secondsNow() + Self.patience
        // A process stays a zombie with its number until the main thread, which waits for it, has reaped it.
        while secondsNow() < deadline, ids.contains(where: { kill($0, 0) == 0 }) { usleep(20_000) }
        for id in ids where kill(id, 0) == 0 { kill(-id, SIGKILL) }
        try? FileManager.default.removeItem(at: folder)
        signal(Int32(number), SIG_DFL)
        kill(getpid(), Int32(number))
    }
}
