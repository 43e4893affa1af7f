import Glibc

/// A thread beside the main one, for work that no step waits for. It takes no signals: those are for the main thread.
enum SideThread {
    private static let stackBytes = 512 << 10

    /// Starts a thread that ends when `body` returns, and that nobody joins.
    ///
    /// - Returns: pthread_create's code, 0 where it has started.
    static func start(_ body: @escaping @Sendable () -> Void) -> Int32 {
        let work = Unmanaged.passRetained(Work(body))
        let code = withUnsafeTemporaryAllocation(of: pthread_attr_t.self, capacity: 1) { memory in
            guard let attributes = memory.baseAddress else { return ENOMEM }
            pthread_attr_init(attributes)
            defer { pthread_attr_destroy(attributes) }
            pthread_attr_setstacksize(attributes, stackBytes)
            pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
            var thread: pthread_t = 0
            return withoutSignals {
                pthread_create(
                    &thread, attributes,
                    { argument in
                        guard let argument else { return nil }
                        Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                        return nil
                    }, work.toOpaque())
            }
        }
        if code != 0 { work.release() }
        return code
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
