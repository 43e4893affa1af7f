import Benchmarks
import Glibc
import Kernels

/// One version of a kernel: its idea, and a run on memory that all versions share.
struct Version {
    let idea: String
    let timed: Timed

    init(idea: String, _ timed: Timed) {
        self.idea = idea
        self.timed = timed
    }

    init(idea: String, run: @escaping () -> Void) { self.init(idea: idea, Timed { _ in run() }) }
}

/// Checks versions against a plain loop, then times them in turns (`Turns`).
struct Lab {
    /// Of the turns of one comparison, for each version.
    let seconds: Double

    /// - Parameters:
    ///   - operations: floating-point operations per run.
    ///   - distance: the largest difference of the last run's result from the plain loop's.
    func compare(_ title: String, operations: Double, _ versions: [Version], tolerance: Double, distance: () -> Double)
    {
        print("\n\(title)")
        for (number, version) in versions.enumerated() {
            for slice in 0..<version.timed.slices { version.timed.run(slice) }
            let off = distance()
            guard off <= tolerance else {
                print("  \(number + 1). \(version.idea): WRONG by \(off)")
                exit(1)
            }
        }
        let turns = Turns(versions.map(\.timed), seconds: seconds * Double(versions.count))
        for (number, (version, figures)) in zip(versions, turns.figures).enumerated() {
            func fraction(_ seconds: Double) -> Double {
                (1000 * operations / seconds / turns.peakFlops).rounded() / 1000
            }
            let quiet =
                figures.quietShare > 0 ? "\(Int((100 * figures.quietShare).rounded())) % quiet" : "none of it quiet"
            print("  \(number + 1). \(version.idea): \(fraction(figures.median)) (\(fraction(figures.best))), \(quiet)")
        }
    }

    /// A product with different values of one tuning number.
    func compare(_ product: Product, _ what: String, _ path: WritableKeyPath<Tuning, Int>, _ values: [Int]) {
        compare(
            product,
            values.map { value in
                var tuning = Tuning.current
                tuning[keyPath: path] = value
                return ("\(what) \(value)", tuning)
            })
    }

    func compare(_ product: Product, _ tunings: [(idea: String, tuning: Tuning)]) {
        compare(
            product.title, operations: product.operations,
            tunings.map { idea, tuning in
                Version(idea: idea, Timed(slices: product.slices) { product.run(tuning, $0) })
            }, tolerance: 1e-2, distance: product.distance)
    }
}
