package import JobControl
package import MPI
package import Optimization
package import Recurrent
package import Reduction
package import Sequences
import System

/// Trains one model on all ranks: the path of a batch through a step.
package struct Trainer {
    package let communicator: Communicator
    package let task: any SequenceTask
    package let memory: StepMemory
    /// The states h and c of this rank's streams.
    package let state: RecurrentState
    package var optimizer: Optimizer
    package var schedule: Schedule
    package var criterion: CriterionTracker?
    /// The threads of this rank.
    package let team: ThreadTeam
    private let source: any SequenceSource
    private let work: RankStep
    private let reduction: StepReduction
    private let sums: StepSums
    private let folded: FoldedReduction?
    private let options: TrainingConfiguration
    private let check: ParameterCheck
    /// See `NetworkConfiguration.finishingRanges`.
    private let finishingRanges: [Range<Int>]
    private var tensorwise: TensorwiseUpdate?
    private var times = StepTimes()
    /// Whether this process has compared the parameters.
    private var hasCompared = false

    /// The epoch of the next step, from 1, and the steps done within it.
    package private(set) var epoch = 1
    package private(set) var position = 0
    /// The epoch of the last step, after the first one.
    package var epochOfLastStep: Int { position > 0 ? epoch : epoch - 1 }
    /// The number of sequences trained on, for tasks whose sequences end.
    package private(set) var sequences = 0

    /// Collective (MPI_Allgather).
    ///
    /// - Parameter network: uses the parameters and gradients of `memory`.
    package init(
        _ communicator: Communicator, _ team: ThreadTeam, _ options: TrainingConfiguration, task: any SequenceTask,
        source: any SequenceSource, network: SequenceModel, memory: StepMemory, optimizer: Optimizer, schedule: Schedule
    ) throws {
        self.communicator = communicator
        self.team = team
        self.options = options
        self.task = task
        self.source = source
        self.memory = memory
        self.optimizer = optimizer
        self.schedule = schedule
        let rows = source.rows(inStep: 0)
        state = RecurrentState(
            streams: source.carriesState ? Shard.rows(rows, part: communicator.rank, of: communicator.size) : 0..<rows,
            for: network.configuration)
        let sizes = network.configuration
        let division = options.division(threads: team.count)
        finishingRanges = sizes.finishingRanges(byTree: options.sumsByTree)
        criterion = task.criterion.map { CriterionTracker($0) }
        check = ParameterCheck(communicator, memory, sizes.layout)
        sums = StepSums(
            communicator, sequences: source.rowsOfSteps, requestCount: StepRequests.count, wantsErrors: criterion != nil
        )
        let hasTokens = sizes.embeddingShape.rows > 0
        folded = options.sumsByTree && hasTokens ? FoldedReduction(communicator, memory, team, network) : nil
        work = RankStep(
            team, network, memory.gradients, finishingRanges,
            blocks: SumPlan.Rank.blocks(
                rank: communicator.rank, of: communicator.size, rows: source.rowsOfSteps, division
            ).workers, state, folded?.tokens, task: task, source: source, options)
        reduction = try StepReduction(
            communicator, team, memory, division, layout: sizes.layout,
            finishingRanges: finishingRanges,
            input: folded ?? (options.sumsByTree ? TiedReduction(memory, team, sizes) : nil))
        tensorwise = TensorwiseUpdate(optimizer.rule, memory, reduction)
    }

    package var network: SequenceModel { work.network }
    package var stepsPerEpoch: Int { source.stepsPerEpoch }
    package var totalSteps: Int { options.totalSteps(stepsPerEpoch: stepsPerEpoch) }
    /// The number of updates done.
    package var steps: Int { optimizer.updates }
    package var carriesState: Bool { source.carriesState }
    /// The number of streams over all ranks.
    package var streams: Int { source.rows(inStep: 0) }

    /// The results of a step.
    package struct StepSummary {
        package let epoch: Int
        /// Mean loss over the scored time steps of the global batch, before the update.
        package let loss: Double
        /// Time steps of all sequences: the tokens of a language model.
        package let tokens: Int
        /// This rank's rows of the first layer's input; fewer than its tokens if the embedding was folded.
        package let inputRows: Int
        /// The norm of the mean gradient, before clipping.
        package let gradientNorm: Double
        /// The reason why the update was skipped, if training continues in that case (`training.nonfinite`); nil
        /// otherwise.
        package let skipped: NonFiniteStep?
        package let learningRate: Double
        /// The requests of all ranks.
        package let requests: StepRequests
        /// Seconds of this rank: in forward and backward passes, with the sum over its threads; in the sums over ranks
        /// and the norm; waiting for all ranks before the sums and at the end of the update; and in the update.
        package let computeSeconds: Double
        package let averagingSeconds: Double
        package let waitingSeconds: Double
        package let updateSeconds: Double

        package var communicationSeconds: Double { averagingSeconds + waitingSeconds }
    }

    /// The imbalance of the ranks' times over the steps since the last train line, after a step with a train line. nil
    /// for one rank.
    package var stragglers: Stragglers? { communicator.size > 1 ? Stragglers(sums.rankReports) : nil }

    /// Runs one optimiser step over the global batch. Collective: every rank calls it, each with its own shard.
    ///
    /// - Parameter requests: this rank's requests; the summary contains those of all ranks.
    /// - Throws: `NonFiniteStep` on every rank.
    package mutating func step(requests: StepRequests = []) throws -> StepSummary {
        var clock = StepClock()
        let rows = source.rows(inStep: position)
        try prepare(rows: rows)
        try work.compute(reduction.plan, step: position, epoch: epoch) { try reduction.begin($0) }
        let computing = clock.lap()
        let compares = check.isNeeded && (!hasCompared || steps.isMultiple(of: options.verifyInterval))
        let share = share(rows: rows, requests, comparing: compares)
        _ = clock.lap()
        let total = try sums.reduce(share)
        let arriving = clock.lap()
        let summed = try reduction.finish()
        if compares { try check.compare(sums.rankReports.map(\.hash), step: steps) }
        _ = clock.lap()
        let norm = summed.squaredNorm.squareRoot() / total.divisor
        let rate = schedule.rate(update: steps + 1, epoch: epoch, of: totalSteps)
        let fault = norm.isFinite && total.loss.isFinite ? nil : try nonFinite(total, gradientNorm: norm)
        if let fault {
            try skip(fault)
        } else {
            try update(scale: total.scale(gradientNorm: norm, clippingTo: options.clipNorm), rate: rate)
        }
        let updating = clock.lap()
        try reduction.meet()
        let meeting = clock.lap()
        times.note(computing: computing - summed.begunSeconds + updating)
        let errors = sums.sequenceErrors.prefix(rows)
        criterion?.observe(errors)
        let summary = StepSummary(
            epoch: epoch, loss: total.meanLoss, tokens: total.steps, inputRows: work.result.inputRows,
            gradientNorm: norm, skipped: fault, learningRate: rate, requests: StepRequests(rawValue: total.requests),
            computeSeconds: computing - summed.begunSeconds, averagingSeconds: summed.seconds,
            waitingSeconds: arriving + meeting, updateSeconds: updating)
        advance(by: rows)
        return summary
    }

    /// Prepares the forward pass: the state at its start, the plan, the tokens of all ranks, packed weights.
    private mutating func prepare(rows: Int) throws {
        if position == 0 || !source.carriesState { state.reset() }
        reduction.prepare(rows: rows)
        if let folded {
            try work.noteTokens(reduction.plan, step: position, epoch: epoch, in: folded.beginNotes())
        }
        try pack()
        try folded?.gather(steps: rows * source.longestWindow)
    }

    /// This rank's contribution to the step's small sums, with a report at intervals.
    private mutating func share(rows: Int, _ requests: StepRequests, comparing compares: Bool) -> StepSums.Share {
        hasCompared = true
        let reports = communicator.size > 1 && (compares || (steps + 1).isMultiple(of: options.loggingInterval))
        var report = reports ? times.take() : nil
        if compares { report?.hash = check.hash() }
        return StepSums.Share(sequences: rows, result: work.result, requests: requests.rawValue, report: report)
    }

    /// Skips the update after a non-finite step if `training.nonfinite` is skip; otherwise throws.
    private mutating func skip(_ fault: NonFiniteStep) throws {
        guard options.skipsNonFinite else { throw fault }
        state.resetNonFinite()
        optimizer.close(memory.parameters)
    }

    /// Packs the weights for the kernels: needed after an update, before a pass. Collective over the host, whose ranks
    /// share the work if they share the memory.
    package func pack() throws {
        let sharing = memory.sharing
        work.pack(part: sharing?.hosts.host.rank ?? 0, of: sharing?.hosts.host.size ?? 1)
        try sharing?.meet()
    }

    /// Updates the parameters of this rank's ranges; each thread updates a part of every range.
    private mutating func update(scale: Float, rate: Double) throws {
        defer { optimizer.close(memory.parameters) }
        guard tensorwise == nil else { return try tensorwise!.change(by: optimizer, scale: scale, rate: rate) }
        team.run { thread in
            for range in reduction.localRanges {
                optimizer.change(
                    memory.parameters, with: memory.gradients.memory, filledAt: memory.gradients.rows[0],
                    in: Shard.floats(range, part: thread, of: team.count), scale: scale, rate: rate)
            }
        }
    }

    private mutating func advance(by rows: Int) {
        if !source.carriesState { sequences += rows }
        position += 1
        if position == source.stepsPerEpoch {
            position = 0
            epoch += 1
        }
    }

    private func nonFinite(_ total: StepSums.Total, gradientNorm: Double) throws -> NonFiniteStep {
        try .found(
            by: communicator, step: steps + 1, loss: total.meanLoss, gradientNorm: gradientNorm,
            gradients: memory.gradients, blocks: reduction.plan.nodes.isEmpty ? [0] : reduction.plan.nodes.map(\.block),
            localRanges: reduction.localRanges,
            layout: network.configuration.layout,
            hasFiniteParts: reduction.hadFiniteBiases && work.result.sequenceLosses.allSatisfy(\.isFinite))
    }

    /// Restores the position of a checkpoint.
    package mutating func resume(updates: Int, epoch: Int, position: Int, sequences: Int) {
        optimizer.updates = updates
        self.epoch = epoch
        self.position = position
        self.sequences = sequences
    }
}
