import Glibc

/// Carries out `body` with all signals blocked. A thread begins with what its maker blocks: those made in it take no signals, which are
/// for the main thread.
func withoutSignals<R>(_ body: () throws -> R) rethrows -> R {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    return try body()
}
