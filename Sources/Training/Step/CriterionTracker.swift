package import Sequences

/// Tracks the errors of the most recent training sequences for a paper's criterion. The same on every rank.
package struct CriterionTracker {
    package let criterion: TrainingCriterion
    /// A ring buffer of the last `criterion.count` errors.
    package private(set) var errors: [Float]
    /// The number of sequences seen.
    package private(set) var seen = 0
    /// The number of sequences after which the criterion was first met.
    package private(set) var metAfter: Int?

    package init(_ criterion: TrainingCriterion) {
        self.criterion = criterion
        errors = [Float](repeating: .infinity, count: criterion.count)
    }

    /// Restores the state of a checkpoint.
    package mutating func restore(errors: [Float], seen: Int, metAfter: Int?) {
        self.errors = errors
        self.seen = seen
        self.metAfter = metAfter
    }

    /// Adds the errors of a step's sequences, in order. The criterion is tested after every 100 sequences.
    package mutating func observe(_ stepErrors: some Sequence<Double>) {
        for error in stepErrors {
            errors[seen % errors.count] = Float(error)
            seen += 1
            if metAfter == nil, seen.isMultiple(of: 100), isMet { metAfter = seen }
        }
    }

    private var isMet: Bool {
        seen >= criterion.count && errors.allSatisfy { $0 < criterion.each }
            && errors.reduce(0.0) { $0 + Double($1) } / Double(errors.count) < Double(criterion.mean)
    }
}
