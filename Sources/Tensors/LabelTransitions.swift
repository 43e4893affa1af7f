/// Which labels may follow each other in a sequence, and which may begin and end it.
package struct LabelTransitions: Sendable, Equatable {
    /// `[from, to]`
    private let allowed: [Bool]
    private let starts: [Bool]
    private let ends: [Bool]

    /// - Parameters:
    ///   - from: the number of the first label; nil: the second one begins the sequence.
    ///   - to: the number of the second label; nil: the first one ends it.
    package init(count: Int, allows: (_ from: Int?, _ to: Int?) -> Bool) {
        allowed = (0..<count).flatMap { from in (0..<count).map { allows(from, $0) } }
        starts = (0..<count).map { allows(nil, $0) }
        ends = (0..<count).map { allows($0, nil) }
    }

    package func allows(_ from: Int, _ to: Int) -> Bool { allowed[from * starts.count + to] }
    package func allowsStart(_ label: Int) -> Bool { starts[label] }
    package func allowsEnd(_ label: Int) -> Bool { ends[label] }

    /// Whether a sequence obeys them.
    package func allow(_ labels: some Collection<Int>) -> Bool {
        guard let first = labels.first else { return true }
        var last = first
        for label in labels.dropFirst() {
            guard allows(last, label) else { return false }
            last = label
        }
        return allowsStart(first) && allowsEnd(last)
    }
}
