import Glibc

/// Standard output, which receives a command's results and nothing else. Nothing is buffered in this process.
package enum StandardOutput {
    /// The stream's name in messages.
    package static let name = "standard output"

    /// Writes all the bytes.
    ///
    /// - Throws: `SystemError.cannotWrite` with the path `StandardOutput.name`.
    package static func write(_ bytes: UnsafeRawBufferPointer) throws {
        if let code = StandardStreams.write(bytes, to: STDOUT_FILENO, patience: -1) {
            throw SystemError.cannotWrite(path: name, code: code)
        }
    }

    /// Writes the text as UTF-8; throws as `write(_:)` of bytes does.
    package static func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
    }

    /// Writes a line; throws as `write(_:)` of bytes does.
    package static func print(_ line: String, terminator: String = "\n") throws { try write(line + terminator) }

    /// Whether the error is that standard output could not be written.
    package static func isFault(_ error: any Error) -> Bool {
        if case SystemError.cannotWrite(path: name, code: _) = error { return true }
        return false
    }
}

/// Standard error, which receives log lines and error messages.
package enum StandardError {
    /// Seconds to wait for a stream that is not ready (O_NONBLOCK).
    private static let patience: Int32 = 2

    /// Writes the text as UTF-8, in one call if the system accepts it. Text that cannot be written (full disk, closed
    /// terminal, reader gone) is dropped: a failed log must not end a training. SIGPIPE is not raised.
    ///
    /// Control characters except newline and tab are written as `\u{1b}`, because messages quote names and keys from
    /// files, and a terminal would execute them.
    package static func write(_ text: String) { write(verbatim: printable(text)) }

    /// The same without escapes, for this program's own control characters.
    package static func write(verbatim text: String) {
        var text = text
        text.withUTF8 { bytes in
            StandardStreams.withoutBrokenPipeSignal {
                _ = StandardStreams.write(UnsafeRawBufferPointer(bytes), to: STDERR_FILENO, patience: patience)
            }
        }
    }
}

/// Shared by both streams.
package enum StandardStreams {
    /// Opens /dev/null on those of the descriptors 0 to 2 that are closed. Otherwise the next opened file would get
    /// such a number, and log lines would be written into it. Must be called before any file is opened.
    package static func openClosed() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // open returns the lowest free number, which is this one.
            _ = open("/dev/null", O_RDWR)
        }
    }

    /// Writes all the bytes. Returns nil, or the `errno` of the write that failed.
    ///
    /// - Parameter patience: seconds to wait for a stream that is not ready; negative: unlimited.
    fileprivate static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, patience: Int32) -> Int32? {
        var done = 0
        while done < bytes.count {
            let remaining = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = Glibc.write(descriptor, remaining.baseAddress, remaining.count)
            if count >= 0 {
                done += count
                continue
            }
            let code = errno
            if code == EINTR { continue }
            guard code == EAGAIN else { return code }
            var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            if poll(&ready, 1, patience < 0 ? -1 : 1000 * patience) == 0 { return code }
        }
        return nil
    }

    /// Runs `body` with SIGPIPE blocked on this thread, and discards one that `body` has raised.
    fileprivate static func withoutBrokenPipeSignal(_ body: () -> Void) {
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        var pending = sigset_t()
        sigpending(&pending)
        let wasPending = sigismember(&pending, SIGPIPE) == 1
        var before = sigset_t()
        pthread_sigmask(SIG_BLOCK, &pipe, &before)
        body()
        if !wasPending {
            var noTime = timespec()
            while sigtimedwait(&pipe, nil, &noTime) < 0 && errno == EINTR {}
        }
        pthread_sigmask(SIG_SETMASK, &before, nil)
    }
}
