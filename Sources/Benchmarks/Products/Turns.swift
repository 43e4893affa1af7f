import System

/// Something that is timed in slices.
package struct Timed {
    package let slices: Int
    package let run: (_ slice: Int) -> Void

    package init(slices: Int = 1, run: @escaping (_ slice: Int) -> Void) {
        self.slices = slices
        self.run = run
    }
}

/// Times several versions of the same work in turns, so that other load affects all of them alike, and counts only the
/// slices during which the core was undisturbed (`Neighbour`).
package struct Turns {
    /// The times of a version.
    package struct Figures {
        /// Seconds of all slices together, each slice by its median and by its best; of the undisturbed ones, or of all
        /// if there was none.
        package let median: Double
        package let best: Double
        /// The share of slices that were undisturbed.
        package let quietShare: Double
    }

    package let figures: [Figures]
    /// Floating-point operations per second of the core's peak, measured in the same turns.
    package let peakFlops: Double

    /// Measures for about `seconds`, at least one turn.
    package init(_ versions: [Timed], seconds: Double) {
        for version in versions { for slice in 0..<version.slices { version.run(slice) } }
        let end = secondsNow() + seconds
        var times = versions.map { Array(repeating: [(seconds: Double, isQuiet: Bool)](), count: $0.slices) }
        var neighbour = Neighbour()
        var peakFlops = 0.0
        var turn = 0
        repeat {
            peakFlops = max(peakFlops, CorePeak.measureOnce(turn))
            for number in turn.isMultiple(of: 2) ? Array(versions.indices) : versions.indices.reversed() {
                neighbour.probe()
                var measured: [Double] = []
                for slice in 0..<versions[number].slices {
                    let start = secondsNow()
                    versions[number].run(slice)
                    measured.append(secondsNow() - start)
                    neighbour.probe()
                }
                for (slice, isQuiet) in neighbour.quietIntervals(last: measured.count).enumerated() {
                    times[number][slice].append((measured[slice], isQuiet))
                }
            }
            turn += 1
        } while secondsNow() < end
        figures = times.map(Self.figures)
        self.peakFlops = peakFlops
    }

    private static func figures(_ slices: [[(seconds: Double, isQuiet: Bool)]]) -> Figures {
        let quiet = slices.map { $0.filter(\.isQuiet).map(\.seconds) }
        let all = slices.map { $0.map(\.seconds) }
        let anyQuiet = quiet.contains { !$0.isEmpty }
        // A slice that was never undisturbed is assumed to be as fast as the others.
        let counted = (anyQuiet ? quiet : all).filter { !$0.isEmpty }.map { Spread($0) }
        let scale = Double(slices.count) / Double(counted.count)
        return Figures(
            median: scale * counted.reduce(0) { $0 + $1.median }, best: scale * counted.reduce(0) { $0 + $1.least },
            quietShare: Double(quiet.reduce(0) { $0 + $1.count }) / Double(all.reduce(0) { $0 + $1.count }))
    }
}
