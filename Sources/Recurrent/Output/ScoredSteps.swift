import Tensors

/// The scored steps of a batch, ordered by sequence, then by time. Legend: S scored steps, B sequences.
struct ScoredSteps {
    /// `[S]`: each step's place t B + b in the batch.
    private(set) var places: [Int32] = []
    /// `[S]`: its class.
    private(set) var targets: [Int32] = []
    /// B + 1: the index of each sequence's first step among the S.
    private(set) var starts: [Int] = [0]

    var count: Int { places.count }

    mutating func find(in batch: Batch) {
        places.removeAll(keepingCapacity: true)
        targets.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        starts.append(0)
        for b in 0..<batch.sequences {
            for t in 0..<batch.window {
                let place = t * batch.sequences + b
                guard batch.targets[place] != Batch.unscored else { continue }
                places.append(Int32(truncatingIfNeeded: place))
                targets.append(batch.targets[place])
            }
            starts.append(places.count)
        }
    }

    /// Calls `body` with the targets at these steps of their batch.
    func withTargets<Result>(of batch: Batch, _ body: (Targets) -> Result) -> Result {
        places.withUnsafeBufferPointer { places in
            targets.withUnsafeBufferPointer { classes in
                batch.targetValues.withUnsafeBufferPointer { values in
                    body(Targets(places: places, classes: classes, values: values, sequences: batch.sequences))
                }
            }
        }
    }

    /// The steps of some sequences.
    func steps(of sequences: Range<Int>) -> Range<Int> { starts[sequences.lowerBound]..<starts[sequences.upperBound] }
}
