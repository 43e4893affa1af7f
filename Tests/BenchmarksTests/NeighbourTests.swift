import Benchmarks
import Testing

@Suite struct NeighbourTests {
    private func intervals(familysRate: Double?, _ rates: [Double]) -> [Bool] {
        var neighbour = Neighbour(familysRate: familysRate)
        for rate in rates { neighbour.record(instructionsPerCycle: rate) }
        return neighbour.quietIntervals(last: rates.count - 1)
    }

    @Test func anIntervalIsQuietIfBothItsEndsAre() {
        #expect(intervals(familysRate: 5.5, [5.5, 5.2, 2.7, 5.4, 5.5]) == [true, false, false, true])
    }

    /// The second loop was interrupted: too many instructions per cycle.
    @Test func anImpossibleRateIsDisturbed() {
        #expect(intervals(familysRate: 5.5, [5.5, 40, 5.5, 5.5]) == [false, false, true])
        #expect(intervals(familysRate: nil, [5.5, 40, 5.5, 5.5]) == [false, false, true])
    }

    @Test func ofAnUnmeasuredFamilyTheHighestRateCounts() {
        #expect(intervals(familysRate: nil, [3.9, 4.0, 2.1, 3.8, 3.2]) == [true, false, false, false])
    }

    @Test func theShareIsOfTheLastProbes() {
        var neighbour = Neighbour(familysRate: 5.5)
        for rate in [2.0, 2.0, 5.5, 2.0, 5.5, 5.5] { neighbour.record(instructionsPerCycle: rate) }
        #expect(neighbour.quietShare(last: 4) == 0.75)
    }
}
