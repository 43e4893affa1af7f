import ArgumentParser
import Foundation
import JobControl
import Kernels
import MPI
import System
import Training

/// A command that all ranks carry out together.
protocol CollectiveCommand: ParsableCommand {
    var verbosity: Verbosity { get }
    /// `communication.timeout` as far as the command line says it.
    var waitTimeout: Double { get }
    /// Whether it says what is wrong with a launch, and so bears one that is.
    var diagnosesLaunches: Bool { get }
    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws
}

extension CollectiveCommand {
    var waitTimeout: Double { TrainingConfiguration.defaultWaitTimeout }
    var diagnosesLaunches: Bool { false }
}

/// The beginning and the end of the program: alone starts and ends the MPI job, maps errors to exit codes and ends all
/// ranks when one fails.
@main
enum Launch {
    static func main() {
        prepareThreadForKernels()
        if let broken = ArgumentBytes.firstBroken {
            endTogether(code: 2) { complain("the argument \(broken) is not UTF-8; accepted: UTF-8") }
        }
        do {
            try LSTMDist.checkCommand(in: CommandLine.arguments)
            var command = try LSTMDist.parseAsRoot()
            if let collective = command as? any CollectiveCommand { carryOut(collective) }
            if Launcher.rank > 0 { silenceResults() }
            try command.run()
            exit(0)
        } catch {
            end(parsingOrLocal: error)
        }
    }

    /// A command that needs no MPI does the same on every rank that was started: one of them speaks.
    private static func silenceResults() {
        let nowhere = open("/dev/null", O_WRONLY)
        if nowhere >= 0 { dup2(nowhere, STDOUT_FILENO) }
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
            let console: Console = communicator.isRoot ? command.verbosity.console() : .silent
            try command.run(on: communicator, console, watchedBy: hangGuard)
            end(0, hangGuard)
        } catch let code as ExitCode {
            end(code.rawValue, hangGuard)
        } catch let failure as AgreedFailure {
            // Rank 0 speaks for all; where it is the one that failed, its name adds nothing.
            if communicator.isRoot { complain(failure.rank == 0 ? failure.message : failure.description) }
            end(failure.exitCode, hangGuard)
        } catch let error as CommandError where error.isEverywhere || communicator.size == 1 {
            if communicator.isRoot { complain(error.description) }
            end(error.exitCode, hangGuard)
        } catch {
            Job.abort("\(error)", code: (error as? any ExitCoded)?.exitCode ?? 1)
        }
    }

    /// Starts MPI, watched from before its first call on.
    private static func start(waitTimeout: Double) throws -> (Communicator, HangGuard) {
        let hangGuard = HangGuard(rank: Launcher.rank, of: Launcher.ranks, timeout: waitTimeout)
        try hangGuard.start()
        return (try Job.start(), hangGuard)
    }

    /// Ends a process that a launcher has started among others and that MPI takes for a job of its own.
    private static func refuseSingletons(_ hangGuard: HangGuard) {
        guard let others = Launcher.otherProcesses else { return }
        if others.number == 0 {
            complain(
                "\(others.variable) is \(others.value), so a launcher has started several processes, and MPI knows of one rank: each "
                    + "would do all the work alone, in the same run folder. Either the launcher belongs to another MPI than this "
                    + "program, or srun was not told --mpi=pmix; accepted: the mpirun of this program's MPI (lstm-dist doctor "
                    + "names it), or srun --mpi=pmix")
        } else {
            sleep(1)  // the launcher ends the others with the first one, which is to speak
        }
        end(2, hangGuard)
    }

    /// What all ranks do first, whatever their command lines turn out to be. Collective.
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

    /// Help, version, words that can't be parsed, and errors of commands that need no MPI. Under a launcher with several
    /// ranks only the first one speaks; for a failure the ranks meet first, so that none is killed before it has spoken.
    private static func end(parsingOrLocal error: any Error) -> Never {
        if let local = error as? any ExitCoded {
            endTogether(code: local.exitCode) { complain("\(error)") }
        }
        let isAnswer = LSTMDist.exitCode(for: error) == .success
        let message = LSTMDist.fullMessage(for: error)
        endTogether(code: isAnswer ? 0 : 2) {
            if isAnswer { print(message) } else { FileHandle.standardError.write(Data((message + "\n").utf8)) }
        }
    }

    private static func endTogether(code: Int32, _ speak: () -> Void) -> Never {
        guard Launcher.ranks > 1,
            let (communicator, hangGuard) = try? start(waitTimeout: TrainingConfiguration.defaultWaitTimeout)
        else {
            speak()
            exit(code)
        }
        do {
            try meet(on: communicator, hangGuard)
        } catch let error as CommandError where error.isEverywhere {
            if communicator.isRoot { complain(error.description) }
            end(error.exitCode, hangGuard)
        } catch {
            Job.abort("\(error)", code: 1)
        }
        if communicator.isRoot { speak() }
        end(code, hangGuard)
    }

    private static func complain(_ message: String) {
        FileHandle.standardError.write(Data("lstm-dist: \(message)\n".utf8))
    }
}
