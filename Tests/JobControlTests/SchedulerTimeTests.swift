import JobControl
import Testing

@Suite("the scheduler's time")
struct SlurmTimeTests {
    private static let answers: [(String, Double)] = [
        ("0:59\n", 59), ("4:05", 245), ("3:04:05", 11_045), ("2-03:04:05", 183_845), ("1-00:00:00", 86_400),
    ]

    @Test("what squeue says of the time that is left", arguments: answers)
    func seconds(text: String, expected: Double) {
        #expect(SlurmTime.seconds(text) == expected)
    }

    @Test(
        "what is no time",
        arguments: [
            "", "INVALID", "UNLIMITED", "NOT_SET", "0:59\n0:41", "-1:00", "1:-1", "inf", "nan", "1:2:3:4", "1-2",
            "x-1:2:3",
        ])
    func noTime(text: String) {
        #expect(SlurmTime.seconds(text) == nil)
    }
}
