import ConfigFile
import Testing
import Training

@Suite("The estimate of memory")
struct MemoryEstimateTests {
    private func report(_ validationBatch: Int, length: Int) throws -> DryRunReport {
        let yaml = """
            task: adding
            data: {length: \(length)}
            training: {batch: 1}
            validation: {batch: \(validationBatch)}
            """
        return try DryRunReport(
            Configuration(yaml: yaml, file: "adding.yaml", table: ConfigurationTable.all), ranks: 1)
    }

    @Test("config check counts the memory of validations, which have a separate batch")
    func validation() throws {
        try report(1, length: 1000).check()
        let error = #expect(throws: (any Error).self) { try report(10_000_000, length: 1_000_000).check() }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains(", validation ") && text.hasSuffix("or validation.batch"), "\(text)")
    }
}
