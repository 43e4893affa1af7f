package import ConfigFile
package import FileFormats
package import MPI
import Optimization
import Recurrent
package import Reduction
import RunFolder
package import Sequences
package import Tensors

/// Builds the parts of a training in the order of their dependencies: configuration, task and data, layout, memory,
/// network, initial weights.
package struct TrainerBuilder {
    package let configuration: Configuration
    package let options: TrainingConfiguration
    package let data: TaskData
    package var trainer: Trainer
    package let validation: Evaluator?
    /// The metric by which a validation is the best so far.
    package let bestMetric: Metric
    /// Size and checksum of the data files; only at the root.
    package let fingerprints: JSONValue
    private let hosts: Hosts

    /// Collective: every rank opens the data it will read; a failure on one rank ends all, with one message.
    ///
    /// - Parameter threads: threads per rank.
    package init(
        _ configuration: Configuration, on communicator: Communicator, initialWeights: String? = nil, threads: Int = 1
    ) throws {
        let options = TrainingConfiguration(configuration)
        let data = try communicator.agree { try TaskTable.load(configuration, options.dataRequest) }
        guard let source = data.training else { preconditionFailure("training was asked for") }

        bestMetric = try communicator.agree { try Metric.chosen(configuration, for: data.task) }
        let sizes = NetworkConfiguration(configuration, task: data.task.shape)
        let rule = UpdateRuleTable.rule(configuration)
        let hosts = try Hosts(communicator)
        // Before any allocation whose size depends on the data.
        fingerprints = try DataFingerprints.compared(of: data, on: communicator, host: hosts.host)
        let scoring = data.validation.map {
            ScoringMemory(
                sizes, data.task, $0, ranks: options.validatesAtRoot ? 1 : communicator.size, threads: threads)
        }
        try communicator.agree {
            try MemoryEstimate(
                sizes, options, source, slots: rule.slots.count, ranks: communicator.size,
                sharedBy: options.reduction.averaging == .auto ? hosts.host.size : 1, threads: threads,
                keepsOutputs: data.task.criterion != nil, scoring: scoring
            ).check(ranksOnHost: hosts.host.size)
        }
        self.configuration = configuration
        self.options = options
        self.data = data
        self.hosts = hosts
        trainer = try Trainer(
            communicator, hosts, configuration, task: data.task, source: source, threads: threads
        ) { parameters in
            guard let initialWeights else { return }
            try InitialWeightsFile.read(
                initialWeights, into: parameters, layout: sizes.layout, vocabulary: data.vocabulary)
        }
        let team = trainer.team
        validation = data.validation.map {
            Evaluator(
                communicator, task: data.task, source: $0, for: sizes, rootOnly: options.validatesAtRoot, team: team)
        }
    }

    /// Frees the memory that the ranks share; the builder and its trainer must not be used afterwards. Collective
    /// (MPI_Win_free).
    package func free() throws {
        try trainer.memory.free()
        try hosts.free()
    }
}

extension Trainer {
    /// Builds a trainer with its memory (`memory`, which the caller frees): network, initial weights and optimiser as
    /// configured.
    ///
    /// Collective (MPI_Win_allocate_shared on each host, or nothing).
    ///
    /// - Parameters:
    ///   - threads: threads of this rank.
    ///   - finishWeights: may change the initial weights; called on the ranks that write them for others.
    package init(
        _ communicator: Communicator, _ hosts: Hosts, _ configuration: Configuration, task: any SequenceTask,
        source: any SequenceSource, threads: Int = 1, finishWeights: (FloatBlock) throws -> Void = { _ in }
    ) throws {
        let team = try communicator.agree { try ThreadTeam(threads) }
        let options = TrainingConfiguration(configuration)
        let sizes = NetworkConfiguration(configuration, task: task.shape)
        let rule = UpdateRuleTable.rule(configuration)
        let blocks = SumPlan.Rank.blocks(
            rank: communicator.rank, of: communicator.size, rows: source.rowsOfSteps,
            options.division(threads: threads)
        ).rank
        let memory = try StepMemory(
            communicator, hosts, sizes.layout,
            gradientBlocks: (blocks, sizes.gradientStride(byTree: options.sumsByTree)),
            embedding: sizes.embeddingShape,
            packed: sizes.packedCount, slots: rule.slots.count, averaging: options.reduction.averaging,
            byTree: options.sumsByTree)
        let optimizer = Optimizer(rule, blocks: memory.slots)
        try memory.write {
            optimizer.fillInitialState()
            InitialWeights(configuration).fill(memory.parameters, sizes.modelLayout, seed: options.seed)
            try finishWeights(memory.parameters)
        }
        try self.init(
            communicator, team, options, task: task, source: source,
            network: SequenceModel(
                sizes, parameters: memory.parameters, gradients: memory.gradients.memory,
                blockStride: memory.gradients.stride, gradientRows: memory.gradients.rows,
                packed: memory.sharing?.packed),
            memory: memory, optimizer: optimizer, schedule: Schedule(configuration))
    }
}
