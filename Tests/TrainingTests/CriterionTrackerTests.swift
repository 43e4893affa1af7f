import Sequences
import Testing
import Training

@Suite("A paper's criterion on training sequences")
struct CriterionTrackerTests {
    private static func tracker() throws -> CriterionTracker {
        let criterion = try #require(Adding(length: 100).criterion)
        return CriterionTracker(criterion)
    }

    @Test("adding has the paper's criterion: 2,000 sequences below 0.04, with a mean below 0.01")
    func adding() throws {
        let criterion = try #require(Adding(length: 100).criterion)
        #expect(criterion.count == 2000)
        #expect(criterion.each == 0.04)
        #expect(criterion.mean == 0.01)
    }

    @Test("the criterion is met at the first full hundred after 2,000 good sequences")
    func met() throws {
        var tracker = try Self.tracker()
        for _ in 0..<37 { tracker.observe([0.5]) }
        while tracker.seen < 2037 { tracker.observe([0.005, 0.005, 0.005, 0.005]) }
        #expect(tracker.metAfter == nil)
        while tracker.metAfter == nil && tracker.seen < 5000 { tracker.observe([0.005]) }
        #expect(tracker.metAfter == 2100)
    }

    @Test("one error at the bound prevents the criterion from being met until it is 2,000 sequences old")
    func oneBad() throws {
        var tracker = try Self.tracker()
        tracker.observe(Array(repeating: 0.001, count: 1500))
        tracker.observe([0.05])
        tracker.observe(Array(repeating: 0.001, count: 1999))
        #expect(tracker.metAfter == nil)
        tracker.observe(Array(repeating: 0.001, count: 100))
        #expect(tracker.metAfter == 3600)
    }

    @Test("errors below the bound do not meet the criterion if their mean is too large")
    func mean() throws {
        var tracker = try Self.tracker()
        tracker.observe(Array(repeating: 0.011, count: 4000))
        #expect(tracker.metAfter == nil)
    }

    @Test("NaN never counts as below the bound")
    func notANumber() throws {
        var tracker = try Self.tracker()
        tracker.observe(Array(repeating: 0.001, count: 1000) + [.nan] + Array(repeating: 0.001, count: 1500))
        #expect(tracker.metAfter == nil)
    }

    @Test("a restored tracker continues as if it had never stopped")
    func restored() throws {
        var whole = try Self.tracker()
        whole.observe(Array(repeating: 0.002, count: 1234))
        var resumed = try Self.tracker()
        resumed.restore(errors: whole.errors, seen: whole.seen, metAfter: whole.metAfter)
        whole.observe(Array(repeating: 0.002, count: 1000))
        resumed.observe(Array(repeating: 0.002, count: 1000))
        #expect(resumed.errors == whole.errors)
        #expect(resumed.metAfter == 2000)
        #expect(whole.metAfter == 2000)
    }
}
