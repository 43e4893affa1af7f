package import ConfigFile
package import FileFormats
package import MPI
import Optimization
import Recurrent
import RunFolder
package import Sequences
package import Tensors

/// The parts of a training, put together in the order they need each other: configuration, task and data, layout, memory,
/// network, initial weights.
package struct Assembly {
    package let configuration: Configuration
    package let options: Options
    package let data: TaskData
    package var trainer: Trainer
    package let validation: Scorer?
    /// Size and checksum of the data's files; at the root.
    package let fingerprints: JSONValue
    private let hosts: Hosts

    /// Collective: every rank opens the data it will read; a failure on one ends all, with one message.
    ///
    /// - Parameter threads: that each rank computes with.
    package init(
        _ configuration: Configuration, on communicator: Communicator, vocabulary: Vocabulary? = nil,
        initialWeights: String? = nil, threads: Int = 1
    ) throws {
        let options = Options(configuration)
        var request = options.dataRequest
        request.vocabulary = vocabulary
        let data = try communicator.agree { try TaskTable.load(configuration, request) }
        guard let source = data.training else { preconditionFailure("training was asked for") }

        let sizes = NetworkConfiguration(configuration, task: data.task.shape)
        let rule = UpdateRuleTable.rule(configuration)
        let hosts = try Hosts(communicator)
        // Before anything is made whose size follows from the data.
        fingerprints = try RankComparison.fingerprints(of: data, on: communicator, host: hosts.host)
        try communicator.agree {
            try MemoryEstimate(
                sizes, options, source, slots: rule.slots.count, ranks: communicator.size,
                sharedBy: options.averaging == .auto ? hosts.host.size : 1, threads: threads
            ).check(ranksOnHost: hosts.host.size)
        }
        self.configuration = configuration
        self.options = options
        self.data = data
        self.hosts = hosts
        trainer = try Trainer(
            communicator, hosts, configuration, task: data.task, source: source, threads: threads
        ) { parameters in
            if let initialWeights { try read(initialWeights, into: parameters, layout: sizes.layout) }
        }
        let team = trainer.team
        validation = data.validation.map {
            Scorer(
                communicator, task: data.task, source: $0, for: sizes, rootOnly: options.validatesAtRoot, team: team)
        }
    }

    /// Gives back what the ranks share; nothing of the assembly may be used afterwards. Collective (MPI_Win_free).
    package func free() throws {
        try trainer.memory.free()
        try hosts.free()
    }
}

extension Trainer {
    /// Puts a trainer together on memory of its own (`memory`, to be freed by the caller): network, initial weights and
    /// optimiser by the configuration.
    ///
    /// Collective (MPI_Win_allocate_shared on each host, or nothing).
    ///
    /// - Parameters:
    ///   - threads: that this rank computes with.
    ///   - finishWeights: may change the initial weights, on the ranks that write them for others.
    package init(
        _ communicator: Communicator, _ hosts: Hosts, _ configuration: Configuration, task: any SequenceTask,
        source: any SequenceSource, threads: Int = 1, finishWeights: (FloatBlock) throws -> Void = { _ in }
    ) throws {
        let team = try communicator.agree { try ThreadTeam(threads) }
        let options = Options(configuration)
        let sizes = NetworkConfiguration(configuration, task: task.shape)
        let rule = UpdateRuleTable.rule(configuration)
        let blocks = RankPlan.blocks(source, options, communicator, threads: threads).rank
        let memory = try TrainingMemory(
            communicator, hosts, count: sizes.layout.count,
            gradientBlocks: (blocks, sizes.gradientStride(byTree: options.sumsByTree)),
            embedding: sizes.embeddingShape,
            packed: sizes.packedCount, slots: rule.slots.count, averaging: options.averaging,
            byTree: options.sumsByTree)
        let optimizer = Optimizer(rule, blocks: memory.slots)
        try memory.write {
            optimizer.fillInitialState()
            InitialWeights(configuration).fill(memory.parameters, for: sizes, seed: options.seed)
            try finishWeights(memory.parameters)
        }
        try self.init(
            communicator, team, options, task: task, source: source,
            network: Network(
                sizes, parameters: memory.parameters, gradients: memory.gradients.memory,
                blockStride: memory.gradients.stride, gradientRows: memory.gradients.rows,
                packed: memory.sharing?.packed),
            memory: memory, optimizer: optimizer, schedule: Schedule(configuration))
    }
}

/// Fills a block laid out by `layout` from a safetensors file with the same names and shapes (`--init-from`, a checkpoint's
/// model). Every tensor must be there; others are refused too, since they would be weights that are silently not used.
package func read(_ path: String, into block: FloatBlock, layout: TensorLayout) throws {
    try read(SafetensorsFile(path), into: block, layout: layout)
}

/// As above, from an open file.
package func read(
    _ file: SafetensorsFile, into block: FloatBlock, layout: TensorLayout, prefix: String = ""
) throws {
    try checkShapes(of: file, layout: layout, prefix: prefix)
    for tensor in layout.tensors { try file.read(prefix + tensor.name, into: block[tensor.range]) }
    let known = Set(layout.tensors.map { prefix + $0.name })
    if let stranger = file.names.first(where: { $0.hasPrefix(prefix) && !known.contains($0) }), prefix.isEmpty {
        throw TrainingError.usage(
            "\(file.path): tensor \(shown(stranger)) has no place in this model; accepted: "
                + layout.tensors.map(\.name).joined(separator: ", "))
    }
    block.markChanged()
}

/// Throws unless a file has every tensor of a layout, in its shape: before memory is taken for what a configuration that came
/// with the file claims.
package func checkShapes(of file: SafetensorsFile, layout: TensorLayout, prefix: String = "") throws {
    for tensor in layout.tensors {
        let name = prefix + tensor.name
        guard let shape = file.shape(of: name) else {
            let some = file.names.prefix(100).map { shown($0) }.joined(separator: ", ")
            let found = file.names.isEmpty ? "no tensors" : some + (file.names.count > 100 ? ", …" : "")
            throw TrainingError.usage("\(file.path): tensor \(name) is missing; found: \(found)")
        }
        guard shape == tensor.shape else {
            throw TrainingError.usage(
                "\(file.path): tensor \(name) has shape \(shown("\(shape)")); accepted: \(tensor.shape), which follows "
                    + "from the configuration and the data")
        }
    }
}
