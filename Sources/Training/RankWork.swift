import Kernels
import Recurrent
import Sequences
import Tensors

/// A rank's forward and backward passes of a step, divided over its threads: each computes some of the rank's rows, as ranks
/// compute some of the step's, with gradients of its own; then all of them add the gradients up.
///
/// Threads work on consecutive rows in their order, so what they find out, put together in that order, is in the order of the
/// rows.
final class RankWork {
    private let team: ThreadTeam
    private let workers: [StepWorker]
    /// The rank's, which are the first worker's as well.
    private let gradients: FloatBlock
    private let rows: GradientRows
    /// The gradients of all workers, by thread; the workers keep them.
    private let terms: [UnsafePointer<Float>]

    private let finishingRanges: [Range<Int>]

    /// Of the last step's rows.
    private(set) var tally = Tally()
    private(set) var steps = 0
    /// See `Workspace.inputRows`.
    private(set) var inputRows = 0
    private(set) var sequenceErrors: [Float] = []

    /// - Parameter network: on the rank's gradients.
    init(
        _ team: ThreadTeam, _ network: Network, gradients: FloatBlock, rows: GradientRows, _ state: RecurrentState,
        task: any SequenceTask, source: any SequenceSource, _ options: Options
    ) {
        self.team = team
        self.gradients = gradients
        self.rows = rows
        // Each thread makes what is its own, so that it lies in the memory near its core.
        let parts = team.map { thread -> (worker: StepWorker, gradients: FloatBlock) in
            let block = thread == 0 ? gradients : FloatBlock(count: gradients.count)
            let worker = StepWorker(
                thread == 0 ? network : network.with(gradients: block), state, task: task, source: source, options)
            return (worker, block)
        }
        workers = parts.map(\.worker)
        finishingRanges = network.configuration.finishingRanges
        terms = parts.map { UnsafePointer($0.gradients.pointer) }
    }

    /// The rank's network, packed since the last step.
    var network: Network { workers[0].network }

    /// Lays the weights out for the kernels: they have changed.
    ///
    /// - Parameters:
    ///   - part: of the work, which some ranks that have the packed weights in common share.
    ///   - parts: how many they are.
    func pack(part: Int, of parts: Int) {
        team.run { thread in workers[thread].pack(part: part * team.count + thread, of: parts * team.count) }
    }

    /// Reads the rank's rows of a step and leaves the gradients of their summed loss in the rank's block, and in `tally`,
    /// `steps`, `inputRows` and `sequenceErrors` what there is to know of them.
    ///
    /// - Parameter finished: is told each range of the rank's gradients in the order of `NetworkConfiguration.finishingRanges`,
    ///   as soon as it is final: with several threads, after their sum.
    func compute(_ rows: Range<Int>, step: Int, epoch: Int, finished: (Range<Int>) throws -> Void) throws {
        if team.count == 1 {
            try workers[0].compute(rows, step: step, epoch: epoch, finished: finished)
        } else {
            try team.run { thread in
                let part = Shard.rows(rows, part: thread, of: team.count)
                try workers[thread].compute(part, step: step, epoch: epoch) { _ in }
            }
            addUpGradients()
            for range in finishingRanges { try finished(range) }
        }
        tally = Tally()
        steps = 0
        inputRows = 0
        sequenceErrors.removeAll(keepingCapacity: true)
        for worker in workers {
            tally += worker.tally
            steps += worker.steps
            inputRows += worker.inputRows
            sequenceErrors.append(contentsOf: worker.sequenceErrors)
        }
    }

    /// Each thread writes a slice of the sums, in the order of the threads: the same bits whoever is first.
    private func addUpGradients() {
        rows.touchAll()
        team.run { thread in
            let slice = Shard.floats(0..<gradients.count, part: thread, of: team.count)
            terms.withUnsafeBufferPointer { terms in
                _ = gradients[slice].setSum(of: terms, from: slice.lowerBound)
            }
        }
    }
}
