import Kernels
package import MPI
package import Recurrent
import Tensors

/// Sums gradients, losses and counts over all ranks, so that one division by the count averages correctly whatever the
/// ranks' shares are.
///
/// Each rank ends up with the sums of its own ranges, while the backward pass still goes on as far as it can (`begin`);
/// without shared memory its own are all.
package final class GradientAverager {
    private let communicator: Communicator
    private let reduction: SliceReduction
    private let memory: TrainingMemory
    private let options: Options
    private let threads: Int
    private let tokenReduction: TokenReduction?
    private let exchange: NodeExchange?
    /// The host of each rank.
    private let hostOfRank: [Int]
    /// Hosts of the ranks of the exchange, in their order; without shared memory ranks are hosts.
    private let exchanging: [Int]
    /// Of the step at hand.
    package private(set) var plan: RankPlan
    private var plannedRows = 0
    /// Scored steps, steps, how many ranks have each of the wishes, then the loss of each sequence, then an error a sequence; then, in
    /// steps that want it, what each rank says of itself (`RankReport`).
    private var sums: [Double]
    private static let flags = 2 + Wishes.count
    /// Where the ranks' reports begin.
    private let reports: Int
    private let sequences: Int
    /// Spent in `begin` since the last `finish`.
    private var begunSeconds = 0.0
    /// Where the biases' gradients are, sums of those of all gates and logits: what is no number there is none here.
    private let biases: [Range<Int>]
    /// Whether this rank's own biases' gradients of the step were numbers, as far as sums will be written over them.
    private(set) var hadFiniteBiases = true

    /// The figures of a step over all ranks.
    package struct Total {
        package var tally = Tally()
        /// Steps of all sequences, scored or not.
        package var steps = 0
        /// Of any rank.
        package var wishes: Wishes = []
        /// Euclidean norm of the averaged gradient.
        package var gradientNorm = 0.0
        /// Seconds of this rank: in sums during the backward pass and in all of them, and waiting for others.
        package var begunSeconds = 0.0
        package var averagingSeconds = 0.0
        package var waitingSeconds = 0.0

        /// What the summed gradients are to be multiplied by: divides them by the count and scales the average to a norm
        /// of at most `clipNorm` (0: any). Source: Pascanu et al. (2013), algorithm 1; the 1e-6 is PyTorch's.
        package func scale(clippingTo clipNorm: Double) -> Float {
            let clip = clipNorm > 0 ? min(1, clipNorm / (gradientNorm + 1e-6)) : 1
            return Float(clip / divisor)
        }

        fileprivate var divisor: Double { Double(max(tally.scored, 1)) }
    }

    /// Collective (MPI_Allgather).
    ///
    /// - Parameters:
    ///   - team: the threads that this rank's share of sums is divided over.
    ///   - network: on the gradients of `memory`.
    ///   - sequences: rows of the largest step.
    package init(
        _ communicator: Communicator, _ team: ThreadTeam, _ memory: TrainingMemory, _ network: Network,
        _ options: Options, sequences: Int, wantsErrors: Bool
    ) throws {
        self.communicator = communicator
        self.memory = memory
        self.options = options
        self.sequences = sequences
        threads = team.count
        let sizes = network.configuration
        var between = SliceReduction.BetweenHosts.oneHost
        var exchange: NodeExchange?
        var members: [Int] = []
        hostOfRank = try communicator.allgather(Int64(memory.hostNumber())).map { Int($0) }
        if options.sumsByTree {
            if memory.isApart {
                let group: Communicator? = if let sharing = memory.sharing { sharing.hosts.peers } else { communicator }
                exchange = group.map { NodeExchange($0) }
                if let group { members = try group.allgather(Int64(hostOfRank[communicator.rank])).map { Int($0) } }
                between = .tree(exchange)
            }
        } else if let sharing = memory.sharing {
            if sharing.hosts.count > 1 { between = .allreduce(sharing.hosts.peers) }
        } else if communicator.size > 1 {
            between = .plainAllreduce(communicator)
        }
        self.exchange = exchange
        exchanging = members
        biases = sizes.layout.tensors.filter { $0.shape.count == 1 }.map(\.range)
        let hasTokens = sizes.embeddingShape.rows > 0
        tokenReduction = options.sumsByTree && hasTokens ? TokenReduction(communicator, memory, team, network) : nil
        reduction = SliceReduction(
            memory, team, between, ranges: options.sumsByTree ? sizes.foldingRanges : sizes.finishingRanges,
            count: sizes.layout.count, tokens: tokenReduction)
        reports = Self.sumCount(sequences: sequences, wantsErrors: wantsErrors)
        sums = [Double](repeating: 0, count: reports + RankReport.count * communicator.size)
        plan = RankPlan(0..<0, of: 0, byTree: false, threads: team.count, parts: 1)
    }

    /// How many sums a step has beside the gradients, as long as ranks don't report.
    package static func sumCount(sequences: Int, wantsErrors: Bool) -> Int {
        flags + (wantsErrors ? 2 : 1) * sequences
    }

    /// The ranges that this rank is to update: those that hold sums here.
    package var ownRanges: [Range<Int>] { reduction.ownRanges }

    /// The tokens of the step over all ranks, where sums go by the tree.
    package var tokens: StepTokens? { tokenReduction?.tokens }

    /// Errors of the step's sequences over all ranks, after `finish`.
    package var sequenceErrors: ArraySlice<Double> { sums[min(Self.flags + sequences, reports)..<reports] }

    /// Plans a step of so many rows over all ranks.
    package func prepare(rows: Int) {
        hadFiniteBiases = true
        guard rows != plannedRows else { return }
        plannedRows = rows
        let plans = (0..<communicator.size).map {
            RankPlan(rank: $0, of: communicator.size, rows: rows, options, threads: threads)
        }
        plan = plans[communicator.rank]
        guard options.sumsByTree else { return }
        // What the ranks of a host have, and what it adds up to.
        func host(_ host: Int) -> (nodes: [(rank: Int, node: WorkPlan.Node)], groups: [SumGroup]) {
            let nodes = plans.indices.filter { hostOfRank[$0] == host }.flatMap { rank in
                plans[rank].nodes.map { (rank: rank, node: $0) }
            }
            return (nodes, SumTree.groups(of: nodes.map(\.node.rows), of: rows))
        }
        let own = host(hostOfRank[communicator.rank])
        reduction.setNodes(
            own.groups.map { group in
                zip(own.nodes[group.terms], group.merges).map { node, merges in
                    SumTerm(memory.gradientBlock(node.node.block, ofRank: node.rank, hostOfRank), merges: merges)
                }
            })
        exchange?.prepare(exchanging.map { host($0).groups.map(\.node) }, of: rows)
    }

    private typealias SumGroup = (node: Range<Int>, terms: Range<Int>, merges: [Int])

    /// Where the tokens of this rank's rows are to be noted before the ranks meet; nil: nowhere.
    var ownTokens: RowSet? {
        tokenReduction?.ownSet.removeAll()
        return tokenReduction?.ownSet
    }

    /// Puts together what ranks have noted of their tokens. Collective, after the ranks of a host have met.
    ///
    /// - Parameter steps: of the step over all ranks, at most.
    package func gatherTokens(steps: Int) throws { try tokenReduction?.gather(steps: steps) }

    /// Takes note that a range of this rank's gradients is final, and sums what all ranks have finished. Every rank calls
    /// it once for each range, in their order.
    package func begin(_ finished: Range<Int>) throws {
        let start = secondsNow()
        if memory.isApart { lookAtBiases(finished) }
        try reduction.announce(finished)
        begunSeconds += secondsNow() - start
    }

    /// Between hosts sums are written over what a rank had: whose gradient was no number must be seen before, and the biases' show it
    /// at next to no cost.
    private func lookAtBiases(_ finished: Range<Int>) {
        for biases in biases where biases.overlaps(finished) {
            for block in plan.nodes.isEmpty ? [0] : plan.nodes.map(\.block) {
                let numbers = UnsafeBufferPointer(
                    start: memory.gradients.pointer(block) + biases.lowerBound, count: biases.count)
                if !numbers.allSatisfy(\.isFinite) { hadFiniteBiases = false }
            }
        }
    }

    /// What a rank knows of its rows of a step.
    package struct Share {
        package var firstSequence: Int
        package var scored: Int
        package var steps: Int
        package var sequenceLosses: [Double]
        package var sequenceErrors: [Float]
        package var wishes: Wishes
        /// In a step in which all ranks give one.
        package var report: RankReport?
    }

    /// What the ranks have said, after a `finish` with reports.
    package var rankReports: [RankReport] {
        stride(from: reports, to: sums.count, by: RankReport.count).map { RankReport(sums[$0..<$0 + RankReport.count]) }
    }

    /// Sums over ranks; the gradients stay sums. Collective (MPI_Allreduce; the gradients as `TrainingMemory` says), after
    /// `begin` for all ranges.
    package func finish(_ share: Share) throws -> Total {
        for index in sums.indices { sums[index] = 0 }
        sums[0] = Double(share.scored)
        sums[1] = Double(share.steps)
        for wish in 0..<Wishes.count where share.wishes[wish] { sums[2 + wish] = 1 }
        if let report = share.report {
            let place = reports + communicator.rank * RankReport.count
            for number in 0..<RankReport.count { sums[place + number] = report[number] }
        }
        // Of each sequence one rank alone has a number, so that the sums are exact.
        let first = Self.flags + share.firstSequence
        for (index, loss) in share.sequenceLosses.enumerated() { sums[first + index] = loss }
        for (index, error) in share.sequenceErrors.enumerated() where first + sequences + index < reports {
            sums[first + sequences + index] = Double(error)
        }
        let start = secondsNow()
        let count = share.report == nil ? reports : sums.count
        try sums.withUnsafeMutableBufferPointer {
            try communicator.allreduce(UnsafeMutableBufferPointer(rebasing: $0[..<count]), .sum)
        }
        let met = secondsNow()  // nobody comes here before all have come

        let squaredNorm = try reduction.finish()
        var total = Total()
        for loss in sums[Self.flags..<Self.flags + sequences] { total.tally.loss += loss }
        total.tally.scored = Int(sums[0])
        total.steps = Int(sums[1])
        for wish in 0..<Wishes.count where sums[2 + wish] > 0 { total.wishes.formUnion(Wishes(number: wish)) }
        total.gradientNorm = squaredNorm.squareRoot() / total.divisor
        total.begunSeconds = begunSeconds
        total.averagingSeconds = begunSeconds + secondsNow() - met
        total.waitingSeconds = met - start
        begunSeconds = 0
        return total
    }

    /// Returns when every rank that shares the parameters has updated its ranges. Collective.
    package func waitForUpdates() throws { try reduction.wait() }
}
