import JobControl
import Testing

@Suite("the scheduler's time")
struct SlurmTimeTests {
    private static let outputs: [(String, Double)] = [
        ("0:59\n", 59), ("4:05", 245), ("3:04:05", 11_045), ("2-03:04:05", 183_845), ("1-00:00:00", 86_400),
    ]

    @Test("the remaining time that squeue prints is parsed", arguments: outputs)
    func seconds(text: String, expected: Double) {
        #expect(SlurmTime.seconds(text) == expected)
    }

    @Test("only an end of the job that has passed is stale")
    func staleEnd() {
        func stale(_ end: String, job: String? = "1") -> Bool {
            SlurmTime.staleEnd(in: ["SLURM_JOB_END_TIME": end, "SLURM_JOB_ID": job].compactMapValues { $0 }) != nil
        }
        #expect(stale("1700000000"))
        #expect(!stale("1700000000", job: nil))
        #expect(!stale("2147483647") && !stale("never"))
    }

    @Test(
        "an invalid time is refused",
        arguments: [
            "", "INVALID", "UNLIMITED", "NOT_SET", "0:59\n0:41", "-1:00", "1:-1", "inf", "nan", "1:2:3:4", "1-2",
            "x-1:2:3",
        ])
    func noTime(text: String) {
        #expect(SlurmTime.seconds(text) == nil)
    }
}
