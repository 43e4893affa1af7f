package import MPI
package import Recurrent
package import Reduction
package import Sequences
import Tensors

/// Evaluates a network on a whole split, distributed over ranks and threads: validation, test and `evaluate`.
///
/// It has its own recurrent state and activations, so the state that training carries is never changed. Each sequence's
/// (or stream's) loss is a Double, and these are summed in the order of the sequences: the result has the same bits on
/// any number of ranks and threads (SameBits.md).
package final class Evaluator {
    private let communicator: Communicator
    private let task: any SequenceTask
    private let source: any SequenceSource
    private let rootOnly: Bool
    private let state: RecurrentState
    private let team: ThreadTeam?
    /// One per thread.
    private let readers: [Reader]

    /// The results on a split.
    package struct Score: Sendable {
        /// Mean over the scored steps: nats for classes, squared error for values.
        package let loss: Double
        package let scored: Int
        /// The task's metrics.
        package let metrics: [(name: String, value: Double)]
        package let isSolved: Bool
        /// The task's sums.
        package let sums: [Double]

        /// The value of a metric whose highest value is the best; nil for the loss.
        func value(of metric: Metric) -> Double? {
            metric.isHigherBetter ? metrics.first { $0.name == metric.rawValue }?.value : nil
        }
    }

    /// - Parameter team: the threads that score this rank's rows; nil: the calling thread.
    package init(
        _ communicator: Communicator, task: any SequenceTask, source: any SequenceSource,
        for configuration: NetworkConfiguration, rootOnly: Bool, team: ThreadTeam? = nil
    ) {
        self.communicator = communicator
        self.task = task
        self.source = source
        self.rootOnly = rootOnly
        state = RecurrentState(streams: 0..<source.rows(inStep: 0), for: configuration)
        self.team = team
        readers = (0..<(team?.count ?? 1)).map { _ in Reader(task, source, configuration) }
    }

    /// Scores the split. Collective (MPI_Allreduce). The network must be packed.
    package func score(_ network: SequenceModel) throws -> Score {
        let steps = source.stepsPerEpoch
        let rowsOfAStep = source.rows(inStep: 0)
        // Loss and scored steps of each stream, or of each sequence of all steps; then the probability of the second class
        // of each, and whether that is its class; then the task's sums.
        let units = source.carriesState ? rowsOfAStep : (0..<steps).reduce(0) { $0 + source.rows(inStep: $1) }
        let ranked = task.ranksSequences ? units : 0
        var figures = [Double](repeating: 0, count: 2 * units + 2 * ranked + task.sumCount)
        for reader in readers { reader.clearSums() }
        state.reset()
        for step in 0..<steps {
            let rows = source.rows(inStep: step)
            let localRows =
                rootOnly
                ? (communicator.isRoot ? 0..<rows : 0..<0)
                : Shard.rows(rows, part: communicator.rank, of: communicator.size)
            guard !localRows.isEmpty else { continue }
            if !source.carriesState { state.reset() }
            let first = source.carriesState ? 0 : step * rowsOfAStep
            try figures.withUnsafeMutableBufferPointer { figures in
                let losses = UnsafeMutableBufferPointer(rebasing: figures[first..<first + rows])
                let scored = UnsafeMutableBufferPointer(rebasing: figures[units + first..<units + first + rows])
                func ranking(_ part: Int) -> UnsafeMutableBufferPointer<Double> {
                    let start = 2 * units + part * ranked
                    return UnsafeMutableBufferPointer(
                        rebasing: ranked > 0 ? figures[start + first..<start + first + rows] : figures[0..<0])
                }
                let figures = Reader.Figures(
                    losses: losses, scored: scored, probabilities: ranking(0), positives: ranking(1))
                guard let team else { return try readers[0].score(localRows, of: step, network, state, figures) }
                try team.attempt { thread in
                    let part = Shard.rows(localRows, part: thread, of: team.count)
                    try readers[thread].score(part, of: step, network, state, figures)
                }
            }
        }
        for reader in readers {
            for (index, sum) in reader.sums.enumerated() { figures[2 * (units + ranked) + index] += sum }
        }
        let communicator = communicator
        try figures.withUnsafeMutableBufferPointer { try communicator.allreduce($0, .sum) }
        return summary(figures, units: units, ranked: ranked)
    }

    /// Scores rows on one thread. It writes only to its own memory and to the figures of its rows.
    private final class Reader {
        private let task: any SequenceTask
        private var source: any SequenceSource
        private let workspace: Workspace
        private var batch = Batch()
        /// The task's sums since `clearSums`.
        private(set) var sums: [Double] = []

        /// One element for each row of a step, over all ranks.
        struct Figures {
            let losses: UnsafeMutableBufferPointer<Double>
            let scored: UnsafeMutableBufferPointer<Double>
            /// Of the second class; empty if sequences are not ranked.
            let probabilities: UnsafeMutableBufferPointer<Double>
            /// 1 for a sequence of the second class.
            let positives: UnsafeMutableBufferPointer<Double>
        }

        init(_ task: any SequenceTask, _ source: any SequenceSource, _ configuration: NetworkConfiguration) {
            self.task = task
            self.source = source
            workspace = Workspace(for: configuration, keepsOutputs: task.sumCount > 0)
        }

        func clearSums() { sums = [Double](repeating: 0, count: task.sumCount) }

        /// Adds each row's figures to those of the step.
        func score(
            _ rows: Range<Int>, of step: Int, _ network: SequenceModel, _ state: RecurrentState, _ figures: Figures
        ) throws {
            guard !rows.isEmpty else { return }
            try source.read(rows, step: step, epoch: 1, into: &batch)
            _ = network.score(batch, state, workspace)
            for (row, loss) in workspace.sequenceLosses.enumerated() {
                figures.losses[rows.lowerBound + row] += loss
            }
            for (index, target) in batch.targets.enumerated() where target != Batch.unscored {
                figures.scored[rows.lowerBound + index % rows.count] += 1
            }
            guard task.sumCount > 0 else { return }
            var errors = [Float](repeating: 0, count: rows.count)
            let outputs = workspace.scoredOutputs
            task.judge(batch, outputs, sums: &sums, sequenceErrors: &errors)
            guard task.ranksSequences else { return }
            for (index, row) in outputs.rows.enumerated() {
                figures.probabilities[rows.lowerBound + Int(row)] = Double(outputs[index][1])
                figures.positives[rows.lowerBound + Int(row)] = batch.targets[Int(row)] == 1 ? 1 : 0
            }
        }
    }

    private func summary(_ figures: [Double], units: Int, ranked: Int) -> Score {
        let scored = figures[units..<2 * units].reduce(0, +)
        let loss = figures[..<units].reduce(0, +) / max(scored, 1)
        let sums = Array(figures[(2 * (units + ranked))...])
        var metrics = task.metrics(loss: loss, sums: sums)
        if ranked > 0 {
            let ranking = RankMetrics(
                (0..<ranked).map { (figures[2 * units + $0], figures[2 * units + ranked + $0] == 1) })
            metrics += [(Metric.auroc.rawValue, ranking.auroc), (Metric.auprc.rawValue, ranking.auprc)]
        }
        return Score(
            loss: loss, scored: Int(scored), metrics: metrics,
            isSolved: task.isSolved(validationSums: sums) ?? false, sums: sums)
    }
}
