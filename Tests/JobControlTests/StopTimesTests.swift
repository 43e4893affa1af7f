import Foundation
import JobControl
import Testing

@Suite("End of a session")
struct StopTimesTests {
    @Test(
        "durations are parsed",
        arguments: [
            ("3h50m", 13_800), ("90m", 5400), ("2d", 172_800), ("1h30m10s", 5410), ("1d2h3m4s", 93_784), ("45s", 45),
            ("0h05m", 300),
        ])
    func durations(text: String, seconds: Double) { #expect(StopTimes.seconds(text) == seconds) }

    @Test(
        "an invalid duration is refused",
        arguments: ["", "90", "h", "3h50", "50m3h", "1m1m", "-5m", "1.5h", "0s", "5 m", "3H", "99999999999d", "٣h"])
    func noDurations(text: String) { #expect(StopTimes.seconds(text) == nil) }

    private static let zone = TimeZone(secondsFromGMT: 3600)!  // an offset below a day has a zone
    /// 12:00 in that zone.
    private static let noon = Date(timeIntervalSince1970: 1_795_777_200)

    /// Each with its seconds after noon, 12:00 in the zone.
    private static let placed: [(String, Double)] = [
        ("18:00", 21_600), ("18:00:30", 21_630), ("11:00", 82_800), ("2026-11-27T18:00", 21_600),
        ("2026-11-28T12:00:01", 86_401), ("2026-11-27T18:00Z", 25_200), ("2026-11-27T18:00:00-02:00", 32_400),
    ]

    @Test("moments are parsed in the zone, and times of day are the next ones", arguments: placed)
    func moments(text: String, later: Double) {
        #expect(StopTimes.moment(text, after: Self.noon, in: Self.zone) == Self.noon + later)
    }

    @Test(
        "an invalid moment is refused",
        arguments: ["", "noon", "25:00", "12:60", "2026-13-01T00:00", "2026-11-27", "18", "2026-02-30T10:00"])
    func noMoments(text: String) { #expect(StopTimes.moment(text, after: Self.noon, in: Self.zone) == nil) }
}
