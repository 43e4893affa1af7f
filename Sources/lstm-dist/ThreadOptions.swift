import ArgumentParser

/// `--threads-per-rank`, of the commands that can compute with several.
struct ThreadOptions: ParsableArguments {
    @Option(
        name: .customLong("threads-per-rank"),
        help: ArgumentHelp(
            "ThreadOptions that each rank computes with, for few ranks on nodes of many cores.", valueName: "threads"),
        transform: ThreadOptions.count)
    var perRank = 1

    private static let accepted = 1...1024

    private static func count(_ text: String) throws -> Int {
        guard let count = Int(text), accepted ~= count else {
            throw ValidationError("accepted: \(accepted.lowerBound) to \(accepted.upperBound)")
        }
        return count
    }
}
