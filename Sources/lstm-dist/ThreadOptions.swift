import ArgumentParser

/// `--threads-per-rank`, for the commands that compute with several threads.
struct ThreadOptions: ParsableArguments {
    @Option(
        name: .customLong("threads-per-rank"),
        help: ArgumentHelp(
            "Threads of each rank, for few ranks on nodes with many cores.", valueName: "threads"),
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
