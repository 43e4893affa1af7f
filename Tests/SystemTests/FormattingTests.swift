import System
import Testing

@Suite("Figures in words")
struct FormattingTests {
    @Test(
        "numbers have four significant digits",
        arguments: [(0.0, "0.0"), (1.23456, "1.235"), (1234.56, "1235.0"), (0.000123456, "0.0001235"), (-2.5, "-2.5")])
    func formatted(_ value: Double, _ text: String) { #expect(format(value) == text) }

    @Test("non-finite numbers are printed as they are")
    func notFinite() { #expect(format(.nan) == "nan") }

    @Test(
        "thousands are separated by commas",
        arguments: [
            (0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567"), (.min, "-9,223,372,036,854,775,808"),
        ])
    func thousands(_ value: Int, _ text: String) { #expect(grouped(value) == text) }

    @Test(
        "durations have seconds, minutes and seconds, or hours and minutes",
        arguments: [(0.4, "0s"), (59.6, "1m00s"), (61, "1m01s"), (3600, "1h00m"), (11100, "3h05m")])
    func durations(_ seconds: Double, _ text: String) { #expect(duration(seconds) == text) }

    @Test("an endless duration is unknown", arguments: [.infinity, -.infinity, .nan, 1e300, -1e300])
    func endless(_ seconds: Double) { #expect(duration(seconds) == "unknown") }

    @Test(
        "byte counts have a binary unit and one decimal",
        arguments: [(10.0, "10.0 B"), (2048, "2.0 KiB"), (5.5 * 1024 * 1024 * 1024, "5.5 GiB")])
    func bytes(_ count: Double, _ text: String) { #expect(byteCount(count) == text) }
}
