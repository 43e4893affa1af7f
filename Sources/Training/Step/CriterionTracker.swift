package import Sequences

/// The errors of the most recent training sequences, for a paper's criterion on them. The same on every rank.
package struct CriterionTracker {
    package let criterion: TrainingCriterion
    /// A ring of the last `criterion.count` errors; `next` is where the next one goes.
    package private(set) var errors: [Float]
    /// Sequences seen.
    package private(set) var seen = 0
    /// After how many sequences the criterion was first met.
    package private(set) var metAfter: Int?

    package init(_ criterion: TrainingCriterion) {
        self.criterion = criterion
        errors = [Float](repeating: .infinity, count: criterion.count)
    }

    /// Goes on from a checkpoint.
    package mutating func restore(errors: [Float], seen: Int, metAfter: Int?) {
        self.errors = errors
        self.seen = seen
        self.metAfter = metAfter
    }

    /// Takes the errors of a step's sequences, in order. The criterion is tested each time another hundred is full.
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
