import Glibc
import Testing
import Training

@Suite("The interval of checkpoints")
struct CheckpointTimerTests {
    @Test(
        "auto: max(100 C, sqrt(2 C x 24 h)), at most 30 minutes",
        arguments: [(0.01, 41.57), (0.2, 185.9), (10, 1314.5), (17.5, 1750), (30, 1800)])
    func interval(_ cost: Double, _ seconds: Double) {
        #expect(abs(CheckpointTimer.interval(forCost: cost) - seconds) < 0.1)
    }

    @Test("intervals in steps are never due by the clock")
    func steps() { #expect(!CheckpointTimer(.steps(1)).isDue) }

    @Test("intervals in minutes are due when they have passed, and restart with a checkpoint")
    func minutes() {
        #expect(!CheckpointTimer(.minutes(1000)).isDue)
        #expect(CheckpointTimer(.minutes(1e-12)).isDue)
        var timer = CheckpointTimer(.minutes(0.001))
        while !timer.isDue { usleep(1000) }
        timer.restart()
        #expect(!timer.isDue)
        #expect(timer.secondsLeft <= 0.06)
    }

    @Test("auto: the interval follows from the last checkpoint's cost and starts when that checkpoint began")
    func auto() {
        var timer = CheckpointTimer(.auto)
        timer.note(cost: 10)
        #expect(!timer.isDue)
        #expect((1310...1314.6).contains(timer.secondsLeft))
        timer.note(cost: 0)
        #expect(timer.isDue)
    }
}
