package import Glibc

/// Starts a thread with all signals blocked: only the main thread handles signals.
///
/// - Parameters:
///   - stackBytes: the stack size; nil: the system's default.
///   - isDetached: whether the thread is never joined.
/// - Returns: the result of pthread_create, 0 on success, and the thread.
package func startThread(
    stackBytes: Int? = nil, isDetached: Bool = false, _ body: @escaping @Sendable () -> Void
) -> (code: Int32, id: pthread_t) {
    let work = Unmanaged.passRetained(ThreadWork(body))
    var id: pthread_t = 0
    let code = withUnsafeTemporaryAllocation(of: pthread_attr_t.self, capacity: 1) { memory in
        guard let attributes = memory.baseAddress else { return ENOMEM }
        pthread_attr_init(attributes)
        defer { pthread_attr_destroy(attributes) }
        if let stackBytes { pthread_attr_setstacksize(attributes, stackBytes) }
        if isDetached { pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED)) }
        return withoutSignals {
            pthread_create(
                &id, attributes,
                { argument in
                    guard let argument else { return nil }
                    Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue().body()
                    return nil
                }, work.toOpaque())
        }
    }
    if code != 0 { work.release() }
    return (code, id)
}

private final class ThreadWork: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Runs `body` with all signals blocked: a new thread inherits its creator's mask.
private func withoutSignals<R>(_ body: () throws -> R) rethrows -> R {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    return try body()
}
