/// What a worker, or a rank, reports of the sequences that it computed in a step.
package struct StepResult {
    /// Scored steps.
    package var scored = 0
    /// Steps with and without a score, padding excluded.
    package var steps = 0
    /// Rows that the products with the input had: fewer than `steps` where time steps share a row.
    package var inputRows = 0
    /// The summed loss of each sequence, in their order.
    package var sequenceLosses: [Double] = []
    /// The error of each sequence, for a task with a criterion; otherwise empty.
    package var sequenceErrors: [Float] = []

    package init() {}

    /// Clears the result and keeps its memory.
    package mutating func clear() {
        scored = 0
        steps = 0
        inputRows = 0
        sequenceLosses.removeAll(keepingCapacity: true)
        sequenceErrors.removeAll(keepingCapacity: true)
    }

    /// Adds the result of the sequences that follow.
    package mutating func append(_ next: StepResult) {
        scored += next.scored
        steps += next.steps
        inputRows += next.inputRows
        sequenceLosses.append(contentsOf: next.sequenceLosses)
        sequenceErrors.append(contentsOf: next.sequenceErrors)
    }
}
