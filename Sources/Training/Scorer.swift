package import MPI
package import Recurrent
package import Sequences
import Tensors

/// Scores a whole split with a network, spread over ranks: validation, test and `evaluate`.
///
/// It holds its own state and activations, so the state that training carries is never touched. Each sequence's (or
/// stream's) loss is a Double of its own, summed in the order of the sequences: the figure depends on the number of ranks
/// by the rounding of kernels only.
package final class Scorer {
    private let communicator: Communicator
    private let task: any SequenceTask
    private var source: any SequenceSource
    private let rootOnly: Bool
    private let state: RecurrentState
    private let workspace: Workspace
    private var batch = Batch()

    /// The figures of a split.
    package struct Score: Sendable {
        /// Mean over the scored steps: nats for classes, squared error for values.
        package let loss: Double
        package let scored: Int
        /// The task's metrics.
        package let metrics: [(name: String, value: Double)]
        package let isSolved: Bool
    }

    package init(
        _ communicator: Communicator, task: any SequenceTask, source: any SequenceSource,
        for configuration: NetworkConfiguration, rootOnly: Bool
    ) {
        self.communicator = communicator
        self.task = task
        self.source = source
        self.rootOnly = rootOnly
        state = RecurrentState(streams: 0..<source.rows(inStep: 0), for: configuration)
        workspace = Workspace(for: configuration, keepsAnswers: task.sumCount > 0)
    }

    /// Scores the split. Collective (MPI_Allreduce). The network must be packed.
    package func score(_ network: Network) throws -> Score {
        let steps = source.stepsPerEpoch
        let rowsOfAStep = source.rows(inStep: 0)
        // Loss and scored steps of each stream, or of each sequence of all steps; then the task's sums.
        let units = source.carriesState ? rowsOfAStep : (0..<steps).reduce(0) { $0 + source.rows(inStep: $1) }
        var figures = [Double](repeating: 0, count: 2 * units + task.sumCount)
        var sums = [Double](repeating: 0, count: task.sumCount)
        state.reset()
        for step in 0..<steps {
            let rows = source.rows(inStep: step)
            let mine =
                rootOnly
                ? (communicator.isRoot ? 0..<rows : 0..<0)
                : Shard.rows(rows, part: communicator.rank, of: communicator.size)
            guard !mine.isEmpty else { continue }
            if !source.carriesState { state.reset() }
            try source.read(mine, step: step, epoch: 1, into: &batch)
            _ = network.forward(batch, state, workspace)
            let first = (source.carriesState ? 0 : step * rowsOfAStep) + mine.lowerBound
            for (row, loss) in workspace.sequenceLosses.enumerated() { figures[first + row] += loss }
            for (place, target) in batch.targets.enumerated() where target != Batch.unscored {
                figures[units + first + place % mine.count] += 1
            }
            if task.sumCount > 0 {
                var errors = [Float](repeating: 0, count: mine.count)
                task.judge(batch, workspace.scoredOutputs, sums: &sums, sequenceErrors: &errors)
            }
        }
        for (index, sum) in sums.enumerated() { figures[2 * units + index] = sum }
        let communicator = communicator
        try figures.withUnsafeMutableBufferPointer { try communicator.allreduce($0, .sum) }
        return summary(figures, units: units)
    }

    private func summary(_ figures: [Double], units: Int) -> Score {
        let scored = figures[units..<2 * units].reduce(0, +)
        let loss = figures[..<units].reduce(0, +) / max(scored, 1)
        let sums = Array(figures[(2 * units)...])
        return Score(
            loss: loss, scored: Int(scored), metrics: task.metrics(loss: loss, sums: sums),
            isSolved: task.isSolved(validationSums: sums) ?? false)
    }
}
