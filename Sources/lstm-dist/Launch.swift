import ArgumentParser
import Glibc
import JobControl
import Kernels
import MPI
import System
import Training

/// A command that all ranks run together.
protocol CollectiveCommand: ParsableCommand {
    var verbosity: Verbosity { get }
    /// `communication.timeout` if set on the command line, else its default.
    var waitTimeout: Double { get }
    /// Whether the command diagnoses launches, and so accepts a wrong one.
    var diagnosesLaunches: Bool { get }
    /// The file of `--tuning`.
    var tuningFile: String? { get }
    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws
}

extension CollectiveCommand {
    var waitTimeout: Double { TrainingConfiguration.defaultWaitTimeout }
    var diagnosesLaunches: Bool { false }
    var tuningFile: String? { nil }
}

/// Starts and ends the program. Only this type starts and ends the MPI job, maps errors to exit codes and ends all
/// ranks when one fails.
@main
enum Launch {
    static func main() {
        StandardStreams.openClosed()
        Launcher.leaveShellOfStep()
        prepareThreadForKernels()
        if let broken = ArgumentBytes.firstBroken {
            endTogether {
                complain("the argument \(broken) is not UTF-8; accepted: UTF-8")
                return 2
            }
        }
        do {
            try LSTMDist.checkWords(of: CommandLine.arguments)
            var command = try LSTMDist.parseAsRoot()
            if let collective = command as? any CollectiveCommand { carryOut(collective) }
            if Launcher.rank > 0 { silenceResults() }
            try command.run()
            exit(0)
        } catch {
            end(parsingOrLocal: error)
        }
    }

    /// Without MPI a command does the same on every rank that was started; only rank 0 prints.
    private static func silenceResults() {
        let null = open("/dev/null", O_WRONLY)
        if null >= 0 { dup2(null, STDOUT_FILENO) }
    }

    /// Starts the job, runs the command on all ranks, ends the job.
    private static func carryOut(_ command: any CollectiveCommand) -> Never {
        let communicator: Communicator
        let hangGuard: HangGuard
        do {
            (communicator, hangGuard) = try start(waitTimeout: command.waitTimeout)
        } catch {
            complain(error is MPIError ? "MPI could not be started: \(error)" : "\(error)")
            exit(1)
        }
        if communicator.size == 1, !command.diagnosesLaunches { refuseSingletons(hangGuard) }
        do {
            try meet(on: communicator, hangGuard)
            try communicator.agree { try TuningChoice.choose(option: command.tuningFile) }
            let console: Console = communicator.isRoot ? command.verbosity.console() : .silent
            try command.run(on: communicator, console, watchedBy: hangGuard)
            try communicator.agree { try console.checkResults() }
            end(0, hangGuard)
        } catch let code as ExitCode {
            end(code.rawValue, hangGuard)
        } catch let failure as AgreedFailure {
            // Rank 0 reports for all; if it is the one that failed, its name adds nothing.
            if communicator.isRoot { complain(failure.rank == 0 ? failure.message : failure.description) }
            end(failure.exitCode, hangGuard)
        } catch let error as CommandError where error.isEverywhere || communicator.size == 1 {
            if communicator.isRoot { complain(error.description) }
            end(error.exitCode, hangGuard)
        } catch {
            Job.abort("\(error)", code: (error as? any ExitCoded)?.exitCode ?? 1)
        }
    }

    /// Starts MPI; the hang guard watches from the first call on.
    private static func start(waitTimeout: Double) throws -> (Communicator, HangGuard) {
        let hangGuard = HangGuard(rank: Launcher.rank, of: Launcher.ranks, timeout: waitTimeout)
        try hangGuard.start()
        return (try Job.start(), hangGuard)
    }

    /// Ends a process that a launcher has started with others but that MPI treats as a separate job.
    private static func refuseSingletons(_ hangGuard: HangGuard) {
        guard let evidence = Launcher.otherProcesses else { return }
        if evidence.number == 0 {
            complain(
                "\(evidence.variable) is \(evidence.value), so a launcher has started several processes, but MPI sees one rank: each "
                    + "would do all the work alone, in the same run folder. Either the launcher belongs to another MPI than this "
                    + "program, or srun was started without --mpi=pmix; use the mpirun of this program's MPI (lstm-dist doctor "
                    + "names it), or srun --mpi=pmix")
        } else {
            sleep(1)  // the launcher ends these processes when the first one, which reports, ends
        }
        end(2, hangGuard)
    }

    /// The first collective work of all ranks, whatever their command lines are. Collective.
    private static func meet(on communicator: Communicator, _ hangGuard: HangGuard) throws {
        try hangGuard.introduce(on: communicator)
        try LaunchCheck.checkLaunch(Array(CommandLine.arguments.dropFirst()), on: communicator)
    }

    private static func end(_ code: Int32, _ hangGuard: HangGuard) -> Never {
        Job.page.begin(.exit)
        Job.finish()
        hangGuard.end()
        exit(code)
    }

    /// Ends after help, version, invalid arguments, and errors of commands without MPI. Under a launcher with several
    /// ranks only rank 0 prints; after an error the ranks meet first, so that none is killed before rank 0 has printed.
    private static func end(parsingOrLocal error: any Error) -> Never {
        if StandardOutput.isFault(error) {
            // Only the rank that prints has this error: the others have already ended.
            complain("\(error)")
            exit(1)
        }
        if let local = error as? any ExitCoded {
            endTogether {
                complain("\(error)")
                return local.exitCode
            }
        }
        let message = LSTMDist.fullMessage(for: error)
        let isResult = LSTMDist.exitCode(for: error) == .success
        endTogether {
            guard isResult else {
                StandardError.write(message + "\n")
                return 2
            }
            do {
                try StandardOutput.print(message)
                return 0
            } catch {
                complain("\(error)")
                return 1
            }
        }
    }

    /// - Parameter report: called on rank 0; returns the exit code.
    private static func endTogether(_ report: () -> Int32) -> Never {
        guard Launcher.ranks > 1,
            let (communicator, hangGuard) = try? start(waitTimeout: TrainingConfiguration.defaultWaitTimeout)
        else { exit(report()) }
        do {
            try meet(on: communicator, hangGuard)
            let code = communicator.isRoot ? report() : 0
            end(try communicator.broadcast(code, root: 0), hangGuard)
        } catch let error as CommandError where error.isEverywhere {
            if communicator.isRoot { complain(error.description) }
            end(error.exitCode, hangGuard)
        } catch {
            Job.abort("\(error)", code: 1)
        }
    }

    private static func complain(_ message: String) { StandardError.write("lstm-dist: \(message)\n") }
}
