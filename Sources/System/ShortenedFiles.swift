import Glibc
import Synchronization

/// Reports a read beyond the end of a mapped file that was shortened, in one line with its path, and exits with code 2.
/// Otherwise the process would end with SIGBUS, without a message.
///
/// The handler is installed with the first mapping. A SIGBUS at any other address is passed to the previous handler.
enum ShortenedFiles {
    /// A mapping, for the handler, which may read it at any time: it is never deallocated, but reused.
    struct Entry {
        /// The mapping's addresses; empty while the entry is free.
        fileprivate var range: Range<UInt> = 0..<0
        /// The path as it is printed.
        fileprivate var name = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
        fileprivate var next: UnsafeMutablePointer<Entry>?
    }

    private static let first = Atomic<UInt>(0)
    private static let hasReported = Atomic(false)

    /// Entries without a mapping. A pointer is not Sendable; these are only used with the lock.
    private struct FreeEntries: @unchecked Sendable { var entries: [UnsafeMutablePointer<Entry>] = [] }
    private static let free = Mutex(FreeEntries())

    /// The previous action. Written once, by `isInstalled`, before any handler can run.
    nonisolated(unsafe) private static var before = sigaction()

    private static let isInstalled: Bool = {
        // Initialised here, since a handler must not wait for a lock.
        _ = first.load(ordering: .relaxed)
        _ = hasReported.load(ordering: .relaxed)
        sigaction(SIGBUS, nil, &before)
        var action = sigaction()
        action.__sigaction_handler.sa_sigaction = { _, information, _ in ShortenedFiles.handle(information) }
        action.sa_flags = SA_SIGINFO
        return sigaction(SIGBUS, &action, nil) == 0
    }()

    /// Adds a mapping of `count` bytes. It must be removed before it is unmapped.
    static func add(_ start: UnsafeRawPointer, count: Int, path: String) -> UnsafeMutablePointer<Entry> {
        _ = isInstalled
        let entry = free.withLock { $0.entries.popLast() } ?? makeEntry()
        let text = Array(shownPath(path).utf8)
        entry.pointee.name.deallocate()
        entry.pointee.name = .allocate(capacity: text.count)
        _ = entry.pointee.name.initialize(from: text)
        let address = UInt(bitPattern: start)
        entry.pointee.range = address..<address + UInt(count)
        return entry
    }

    static func remove(_ entry: UnsafeMutablePointer<Entry>) {
        entry.pointee.range = 0..<0
        free.withLock { $0.entries.append(entry) }
    }

    private static func makeEntry() -> UnsafeMutablePointer<Entry> {
        let entry = UnsafeMutablePointer<Entry>.allocate(capacity: 1)
        entry.initialize(to: Entry())
        var next = first.load(ordering: .relaxed)
        while true {
            entry.pointee.next = UnsafeMutablePointer(bitPattern: next)
            let result = first.compareExchange(
                expected: next, desired: UInt(bitPattern: entry), ordering: .releasing)
            if result.exchanged { return entry }
            next = result.original
        }
    }

    /// Runs in the handler: calls only async-signal-safe functions.
    private static func handle(_ information: UnsafeMutablePointer<siginfo_t>?) {
        let address = UInt(bitPattern: information?.pointee._sifields._sigfault.si_addr)
        var next = UnsafeMutablePointer<Entry>(bitPattern: first.load(ordering: .acquiring))
        while let entry = next {
            if entry.pointee.range.contains(address) { report(entry.pointee.name) }
            next = entry.pointee.next
        }
        // The read is repeated when this returns, and then raises the signal for the previous handler.
        sigaction(SIGBUS, &before, nil)
    }

    private static func report(_ name: UnsafeMutableBufferPointer<UInt8>) -> Never {
        // Other threads may read beyond the end as well.
        while hasReported.exchange(true, ordering: .relaxed) { pause() }
        write("lstm-dist: ")
        _ = Glibc.write(STDERR_FILENO, name.baseAddress, name.count)
        write(": the file was shortened while it was being read, or its disk cannot be read (SIGBUS); ")
        write("files must not change while they are in use. ")
        write("With the original text, the same command resumes from the last checkpoint\n")
        _exit(2)
    }

    private static func write(_ text: StaticString) {
        _ = Glibc.write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    }
}
