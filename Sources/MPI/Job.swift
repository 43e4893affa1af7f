// The start and the end of MPI in this process: the one place that owns its global state.

import CMPI
import Glibc
import System

/// All ranks that were started together, by mpirun or srun; a program started bare is a job of one rank.
///
/// MPI is started with MPI_THREAD_FUNNELED: only the main thread may call it.
package enum Job {
    /// What this process is doing, from before `start` to after `finish`: of the process like MPI itself, and like it not to be had
    /// twice.
    package static let page = WaitPage()

    /// Starts MPI and returns the communicator of all ranks.
    ///
    /// Collective (MPI_Init_thread). From here on an error of MPI is thrown instead of ending the job, on this
    /// communicator and on those made from it. MPI can be started once in a process's life: a second start, also one
    /// after `finish`, throws.
    package static func start() throws(MPIError) -> Communicator {
        let call = "MPI_Init_thread"
        guard !has(MPI_Initialized) else {
            let when = has(MPI_Finalized) ? "was already finished" : "is already running"
            throw MPIError(
                call: call, code: MPI_ERR_OTHER, text: "MPI \(when) in this process, and can be started only once")
        }
        let wanted = Int32(MPI_THREAD_FUNNELED)
        var provided: Int32 = 0
        try waiting("MPI_Init_thread") { MPI_Init_thread(nil, nil, wanted, &provided) }
        guard provided >= wanted else {
            throw MPIError(
                call: call, code: MPI_ERR_OTHER,
                text: "this MPI was built without support for threads (it offers level \(provided) of \(wanted))")
        }
        for communicator in [cmpi_comm_world(), cmpi_comm_self()] {
            try check("MPI_Comm_set_errhandler", MPI_Comm_set_errhandler(communicator, cmpi_errors_return()))
        }
        return try Communicator(cmpi_comm_world())
    }

    /// Ends MPI. Every rank calls it before it exits; where MPI is not running it does nothing.
    ///
    /// Collective (MPI_Finalize). Communicators and requests are of no use afterwards. If MPI fails to end, nothing is
    /// left to be done about it, so that is only said on standard error.
    package static func finish() {
        guard isRunning else { return }
        do {
            try waiting("MPI_Finalize") { MPI_Finalize() }
        } catch {
            report("lstm-dist: \(error)")
        }
    }

    /// True from `start` to `finish`.
    package static var isRunning: Bool { has(MPI_Initialized) && !has(MPI_Finalized) }

    /// Ends every rank of the job at once, from one of them, after one line on standard error that names it:
    /// `lstm-dist: rank 1 on node7: CAUSE`.
    ///
    /// Not collective (MPI_Abort). For what cannot be agreed on (`Communicator.agree`): the other ranks are killed
    /// wherever they stand. mpirun exits with `code`. Where MPI is not running, the process prints `lstm-dist: CAUSE`
    /// and exits. Where mpirun does not answer to MPI_Abort within `patience` seconds, this process ends all the same.
    package static func abort(_ cause: String, code: Int32, patience: UInt32 = 10) -> Never {
        endThisProcess(code, in: patience)
        fflush(nil)  // MPI_Abort ends the process without writing what print() still holds.
        guard isRunning else {
            report("lstm-dist: \(cause)")
            exit(code)
        }
        var rank: Int32 = -1
        MPI_Comm_rank(cmpi_comm_world(), &rank)
        report("lstm-dist: rank \(rank) on \(hostName): \(cause)")
        MPI_Abort(cmpi_comm_world(), code)
        exit(code)
    }

    /// Ends this process after so many seconds, whatever it is doing then.
    private static func endThisProcess(_ code: Int32, in seconds: UInt32) {
        let words = UInt(seconds) << 8 | UInt(code & 0xFF)
        var thread: pthread_t = 0
        _ = pthread_create(
            &thread, nil,
            { words in
                let words = UInt(bitPattern: words)
                sleep(UInt32(words >> 8))
                _exit(Int32(words & 0xFF))
            }, UnsafeMutableRawPointer(bitPattern: words))
    }

    /// The first line of what the installed MPI calls itself (MPI_Get_library_version). It may be asked before `start`.
    package static var versionOfMPI: String {
        let all = text(atMost: Int(MPI_MAX_LIBRARY_VERSION_STRING)) { MPI_Get_library_version($0, $1) } ?? "unknown MPI"
        let line = all.prefix { !$0.isNewline && $0 != "\0" }
        return String(line)
    }

    /// This machine's name as MPI knows it (MPI_Get_processor_name); while MPI is not running, as the system does.
    package static var hostName: String {
        let ofMPI = isRunning ? text(atMost: Int(MPI_MAX_PROCESSOR_NAME)) { MPI_Get_processor_name($0, $1) } : nil
        let ofSystem = {
            text(atMost: 255) { characters, length in
                guard gethostname(characters, 255) == 0 else { return MPI_ERR_OTHER }
                length.pointee = Int32(strlen(characters))
                return MPI_SUCCESS
            }
        }
        return ofMPI ?? ofSystem() ?? "an unnamed host"
    }

    /// MPI_Initialized or MPI_Finalized: the two questions that may be asked at any time, and whose answers are all the
    /// state there is.
    private static func has(_ question: (UnsafeMutablePointer<Int32>) -> Int32) -> Bool {
        var answer: Int32 = 0
        return question(&answer) == MPI_SUCCESS && answer != 0
    }

    /// Writes one line to standard error in one piece, so that the lines of several ranks do not mix.
    private static func report(_ line: String) {
        var rest = Array((line + "\n").utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }
}
