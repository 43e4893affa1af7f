package import MPI
package import Optimization
package import Recurrent
package import Sequences
import Tensors

/// One model in training on all ranks: the way of a batch.
package struct Trainer {
    package let communicator: Communicator
    package let task: any SequenceTask
    package let memory: TrainingMemory
    package private(set) var network: Network
    /// h and c of this rank's streams.
    package let state: RecurrentState
    package var optimizer: Optimizer
    package var schedule: Schedule
    package var criterion: CriterionTracker?
    private var source: any SequenceSource
    private let averager: GradientAverager
    private let workspace: Workspace
    private var batch = Batch()
    private var sequenceErrors: [Float] = []
    private let options: Options

    /// The epoch of the next step, from 1, and the steps done within it.
    package private(set) var epoch = 1
    package private(set) var position = 0
    /// Sequences trained on, for tasks whose sequences end.
    package private(set) var sequences = 0

    package init(
        _ communicator: Communicator, _ options: Options, task: any SequenceTask, source: any SequenceSource,
        network: Network, memory: TrainingMemory, optimizer: Optimizer, schedule: Schedule
    ) {
        self.communicator = communicator
        self.options = options
        self.task = task
        self.source = source
        self.network = network
        self.memory = memory
        self.optimizer = optimizer
        self.schedule = schedule
        let rows = source.rows(inStep: 0)
        state = RecurrentState(
            streams: source.carriesState ? Shard.rows(rows, part: communicator.rank, of: communicator.size) : 0..<rows,
            for: network.configuration)
        workspace = Workspace(for: network.configuration, keepsAnswers: task.criterion != nil)
        criterion = task.criterion.map { CriterionTracker($0) }
        averager = GradientAverager(
            communicator, memory, ranges: network.configuration.finishingRanges, sequences: criterion == nil ? 0 : rows)
    }

    package var stepsPerEpoch: Int { source.stepsPerEpoch }
    package var totalSteps: Int { options.totalSteps(stepsPerEpoch: stepsPerEpoch) }
    /// Updates done.
    package var steps: Int { optimizer.updates }
    package var carriesState: Bool { source.carriesState }
    /// Streams over all ranks.
    package var streams: Int { source.rows(inStep: 0) }

    /// What a step did.
    package struct StepSummary {
        package let epoch: Int
        /// Mean loss over the scored steps of the global batch, before the update.
        package let loss: Double
        /// Steps of all sequences: tokens of a language model.
        package let tokens: Int
        /// Of the averaged gradient, before clipping.
        package let gradientNorm: Double
        package let learningRate: Double
        package let wishesCheckpoint: Bool
        /// Seconds of this rank: in forward and backward; in the sums over ranks and the norm; waiting until all ranks
        /// have come to the sums, and to the end of the update; in the update.
        package let computeSeconds: Double
        package let averagingSeconds: Double
        package let waitingSeconds: Double
        package let updateSeconds: Double

        package var communicationSeconds: Double { averagingSeconds + waitingSeconds }
    }

    /// One optimiser step over the global batch. Collective: every rank calls it, each with its own shard.
    ///
    /// - Parameter wishingCheckpoint: the root's wish, which all ranks learn from the summary.
    package mutating func step(wishingCheckpoint: Bool = false) throws -> StepSummary {
        let start = secondsNow()
        if position == 0 || !source.carriesState { state.reset() }
        let rows = source.rows(inStep: position)
        let shard = Shard.rows(rows, part: communicator.rank, of: communicator.size)
        network.pack()
        var tally = Tally()
        var tokens = 0
        sequenceErrors.removeAll(keepingCapacity: true)
        for part in 0..<options.accumulate {
            let part = (
                rows: Shard.rows(shard, part: part, of: options.accumulate), isFirst: part == 0,
                isLast: part == options.accumulate - 1
            )
            try source.read(part.rows, step: position, epoch: epoch, into: &batch)
            tally += try network.forwardAndBackward(
                batch, state, workspace, dropoutSeed: options.seed, adding: !part.isFirst
            ) { finished in
                if part.isLast { try averager.begin(finished) }
            }
            tokens += batch.steps
            judge(part.rows.count)
        }
        let computed = secondsNow()
        let total = try averager.finish(
            tally, steps: tokens, sequenceErrors: sequenceErrors, firstSequence: shard.lowerBound,
            wishesCheckpoint: wishingCheckpoint)
        let summed = secondsNow()
        let norm = total.gradientNorm
        guard norm.isFinite, total.tally.loss.isFinite else { throw nonFinite(norm) }
        let rate = schedule.rate(update: steps + 1, epoch: epoch, of: totalSteps)
        optimizer.update(
            memory.parameters, with: memory.gradients, in: averager.ownRanges,
            scale: total.scale(clippingTo: options.clipNorm), rate: rate)
        let updated = secondsNow()
        try averager.waitForUpdates()
        let met = secondsNow()
        let errors = averager.sequenceErrors.prefix(rows)
        criterion?.observe(errors)
        let summary = StepSummary(
            epoch: epoch, loss: total.tally.loss / Double(max(total.tally.scored, 1)), tokens: total.steps,
            gradientNorm: norm, learningRate: rate, wishesCheckpoint: total.wishesCheckpoint,
            computeSeconds: computed - start - total.begunSeconds, averagingSeconds: total.averagingSeconds,
            waitingSeconds: total.waitingSeconds + met - updated, updateSeconds: updated - summed)
        advance(by: rows)
        return summary
    }

    private mutating func judge(_ rows: Int) {
        guard criterion != nil else { return }
        var errors = [Float](repeating: 0, count: rows)
        var sums = [Double](repeating: 0, count: task.sumCount)
        task.judge(batch, workspace.scoredOutputs, sums: &sums, sequenceErrors: &errors)
        sequenceErrors.append(contentsOf: errors)
    }

    private mutating func advance(by rows: Int) {
        if !source.carriesState { sequences += rows }
        position += 1
        if position == source.stepsPerEpoch {
            position = 0
            epoch += 1
        }
    }

    private func nonFinite(_ norm: Double) -> TrainingError {
        .failure(
            "step \(steps + 1): the loss or the gradient is not a finite number any more (gradient norm \(norm)), so "
                + "training has stopped without this update; try a smaller training.optimizer.learning_rate or "
                + "training.clip_norm, and go on from the last checkpoint"
        ).everywhere
    }

    /// Goes on from where a checkpoint stood.
    package mutating func resume(updates: Int, epoch: Int, position: Int, sequences: Int) {
        optimizer.updates = updates
        self.epoch = epoch
        self.position = position
        self.sequences = sequences
    }
}
