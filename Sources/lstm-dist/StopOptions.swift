import ArgumentParser
import Foundation
import JobControl
import System
import Training

/// When and how a session of `train` ends before the training is complete.
struct StopOptions: ParsableArguments {
    enum OnUser1: String, ExpressibleByArgument, CaseIterable { case stop, save }

    @Option(
        help: ArgumentHelp("Stop within this time, with a checkpoint and exit code 75.", valueName: "3h50m"),
        transform: StopOptions.duration)
    var maxTime: Double?
    @Option(
        help: ArgumentHelp(
            "Stop before a time of day, or a date and time.", valueName: "18:00|2026-11-27T18:00"),
        transform: StopOptions.moment)
    var stopAt: Date?
    @Option(
        help: ArgumentHelp("The exit code of a session that was stopped.", valueName: "code"),
        transform: StopOptions.code)
    var exitCodeStopped: Int32 = 75
    @Option(name: .customLong("on-usr1"), help: "The effect of SIGUSR1: stop, or save a checkpoint and continue.")
    var onUser1 = OnUser1.stop

    /// Both count from this call: the command line is read when the program starts.
    var times: StopTimes {
        let now = secondsNow()
        return StopTimes(
            maxTime: maxTime.map { now + $0 }, stopAt: stopAt.map { now + $0.timeIntervalSinceNow })
    }

    /// The options that also apply to the session that resumes.
    var resumeOptions: [String] {
        var options: [String] = []
        if exitCodeStopped != 75 { options += ["--exit-code-stopped", "\(exitCodeStopped)"] }
        if onUser1 == .save { options += ["--on-usr1", "save"] }
        return options
    }

    func end(_ end: TrainingLoop.SessionEnd) throws {
        if case .stopped = end { throw ExitCode(exitCodeStopped) }
    }

    private static func duration(_ text: String) throws -> Double {
        guard let seconds = StopTimes.seconds(text) else {
            throw ValidationError("accepted: a duration such as 3h50m, 90m, 2d or 1h30m10s")
        }
        return seconds
    }

    private static func moment(_ text: String) throws -> Date {
        guard let moment = StopTimes.moment(text) else {
            throw ValidationError(
                "accepted: a time such as 18:00 (the next one), 2026-11-27T18:00 or 2026-11-27T18:00+01:00")
        }
        guard moment > Date() else { throw ValidationError("accepted: a time in the future") }
        return moment
    }

    private static func code(_ text: String) throws -> Int32 {
        guard let code = Int32(text), 1...255 ~= code else { throw ValidationError("accepted: 1 to 255") }
        return code
    }
}
