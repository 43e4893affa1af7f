import Reduction
import Testing
import Training

@Suite("Ranks that differ")
struct StragglersTests {
    private func reports(_ seconds: [Double]) -> [RankReport] {
        seconds.map {
            var report = RankReport()
            report.computing = $0
            report.longest = 2 * $0
            return report
        }
    }

    @Test("slowest, median and fastest are found, each with its rank")
    func places() throws {
        let found = try #require(Stragglers(reports([0.3, 0.1, 0.5, 0.2, 0.4])))
        #expect(found.slowest == (2, 0.5))
        #expect(found.longest == 1)
        #expect(found.median == 0.3)
        #expect(found.fastest == (1, 0.1))
        #expect(try #require(Stragglers(reports([0.2, 0.1]))).median == 0.1)
        #expect(Stragglers(reports([0.2])) == nil)
    }

    @Test(
        "ranks differ if the slowest takes more than a quarter and a millisecond longer than the median",
        arguments: [
            ([0.100, 0.100, 0.124], false), ([0.100, 0.100, 0.126], true), ([0.001, 0.001, 0.0018], false),
            ([0.001, 0.001, 0.0021], true),
        ])
    func worth(seconds: [Double], differ: Bool) throws {
        #expect(try #require(Stragglers(reports(seconds))).differ == differ)
    }
}
