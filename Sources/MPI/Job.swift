// Start and end of MPI in this process; the only owner of its global state.

import CMPI
import Glibc
import System

/// All ranks that mpirun or srun started together; a program started without them is a job of one rank.
///
/// MPI is started with MPI_THREAD_FUNNELED: only the main thread may call it.
package enum Job {
    /// Process-wide progress page, valid before `start` and after `finish`; like MPI, there is one per process.
    package static let page = WaitPage()

    /// Starts MPI and returns the communicator of all ranks.
    ///
    /// Collective (MPI_Init_thread). From here on MPI errors are thrown instead of ending the job, on this communicator
    /// and on those made from it. MPI can be started only once per process: a second start, also after `finish`,
    /// throws.
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

    /// Ends MPI. Every rank calls it before it exits; if MPI is not running it does nothing.
    ///
    /// Collective (MPI_Finalize). Communicators and requests must not be used afterwards. A failure of MPI_Finalize
    /// cannot be handled, so it is only reported on standard error.
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

    /// Ends all ranks of the job immediately, after one line on standard error that names this rank:
    /// `lstm-dist: rank 1 on node7: CAUSE`.
    ///
    /// Not collective (MPI_Abort). For errors that the ranks cannot agree on (`Communicator.agree`): the other ranks
    /// are killed whatever they are doing. mpirun exits with `code`. If MPI is not running, the process prints
    /// `lstm-dist: CAUSE` and exits. If mpirun does not react to MPI_Abort within `patience` seconds, this process
    /// exits nevertheless.
    package static func abort(_ cause: String, code: Int32, patience: UInt32 = 10) -> Never {
        endThisProcess(code, in: patience)
        fflush(nil)  // MPI_Abort ends the process without flushing print()'s buffer.
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

    /// Ends this process after `seconds`, whatever it is doing then.
    private static func endThisProcess(_ code: Int32, in seconds: UInt32) {
        let argument = UInt(seconds) << 8 | UInt(code & 0xFF)
        var thread: pthread_t = 0
        _ = pthread_create(
            &thread, nil,
            { argument in
                let bits = UInt(bitPattern: argument)
                sleep(UInt32(bits >> 8))
                _exit(Int32(bits & 0xFF))
            }, UnsafeMutableRawPointer(bitPattern: argument))
    }

    /// The first line of the installed MPI's version text (MPI_Get_library_version). Available before `start`.
    package static var versionOfMPI: String {
        let all = text(atMost: Int(MPI_MAX_LIBRARY_VERSION_STRING)) { MPI_Get_library_version($0, $1) } ?? "unknown MPI"
        let line = all.prefix { !$0.isNewline && $0 != "\0" }
        return String(line)
    }

    /// This host's name by MPI (MPI_Get_processor_name); by the system while MPI is not running.
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

    /// MPI_Initialized or MPI_Finalized, which may be called at any time. They are the only state used here.
    private static func has(_ question: (UnsafeMutablePointer<Int32>) -> Int32) -> Bool {
        var answer: Int32 = 0
        return question(&answer) == MPI_SUCCESS && answer != 0
    }

    private static func report(_ line: String) { StandardError.write(line + "\n") }
}
