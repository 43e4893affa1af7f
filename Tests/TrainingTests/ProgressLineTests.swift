import Testing
import Training

@Suite("The progress line")
struct ProgressLineTests {
    @Test("a line that fits is unchanged; a longer one loses parts and keeps steps, loss and time left")
    func fitted() {
        let short = ["step 3/30", "epoch 1", "loss 2.1", "rate 0.01", "12,345 tokens/s", "ETA 3s"]
        #expect(ProgressLine.fitted(short) == short.joined(separator: "  "))
        for count in [30_000, 1_000_000_000, 1_000_000_000_000, Int.max] {
            let long = [
                "step \(count)/\(count)", "epoch \(count)", "loss 0.0001234", "rate 0.0001234", "123,456,789 tokens/s",
                "ETA 9999h59m",
            ]
            let line = ProgressLine.fitted(long)
            #expect(line.count <= ProgressLine.widest)
            #expect(line.hasPrefix("step \(count)/\(count)  "))
            #expect(line.contains("loss 0.0001234"))
            #expect(line.hasSuffix("ETA 9999h59m") || count == Int.max)
        }
        #expect(ProgressLine.fitted([String(repeating: "x", count: 200)]).count == ProgressLine.widest)
    }
}
