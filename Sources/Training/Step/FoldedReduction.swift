import Kernels
import MPI
import Recurrent
import Reduction
import Tensors

/// The collective work on a step's tokens with tree sums: the set of tokens over all ranks and, after the backward
/// pass, the gradients of the embedding and of the first input weights, computed from sums over all ranks of gate
/// gradients by token.
///
/// The products computed from these sums are divided among the ranks of a host, by tiles of gates and then by tokens.
final class FoldedReduction: InputReduction {
    /// The tokens of the step over all ranks.
    let tokens: StepTokens
    let rows: RowSet
    /// The block for the gradients: a gradient block of the host's first rank, with the sums behind the gradients.
    let result: UnsafeMutablePointer<Float>
    private let communicator: Communicator
    private let sharing: StepMemory.Sharing?
    private let local: GradientBlocks
    private let team: ThreadTeam
    /// Scratch for the products, one for each thread.
    private let products: [TokenProducts]
    private let network: SequenceModel

    init(
        _ communicator: Communicator, _ memory: StepMemory, _ team: ThreadTeam, _ network: SequenceModel
    ) {
        let sizes = network.configuration
        let vocabulary = sizes.embeddingShape.rows
        self.communicator = communicator
        self.team = team
        self.network = network
        sharing = memory.sharing
        local = memory.gradients
        localSet = memory.touchedRows
        tokens = StepTokens(vocabulary: vocabulary, sizes.foldedEmbeddingInTraining)
        rows = RowSet(rows: vocabulary)
        result = memory.sharing?.gradients[0] ?? local.pointer(0)
        products = team.map { _ in TokenProducts(sizes) }
    }

    var isFolded: Bool { tokens.isFolded }
    private var rank: Int { sharing?.hosts.host.rank ?? 0 }
    private var owners: Int { sharing?.hosts.fewestRanks ?? 1 }

    /// The set of this rank's tokens, filled before ranks meet.
    private let localSet: RowSet

    /// Empties and returns the set for this rank's tokens of the next step.
    func beginNotes() -> RowSet {
        localSet.removeAll()
        return localSet
    }

    /// Unites the tokens that all ranks have inserted into `localSet`. Collective (MPI_Allreduce, unless all ranks
    /// share memory), after the ranks of a host have met.
    ///
    /// - Parameter steps: the largest possible number of time steps of the step over all ranks.
    func gather(steps: Int) throws {
        rows.removeAll()
        if let sharing, sharing.hosts.count == 1 {
            sharing.touchedRows.forEach(rows.formUnion)
        } else {
            rows.formUnion(localSet)
            if communicator.size > 1 { try communicator.allreduce(rows.bits, .bitwiseOr) }
        }
        tokens.take(rows, steps: steps)
        if rank == 0 { local.rows[0].clear(local.pointer(0)) }
    }

    /// Computes sums and products. Collective over the host, after all of its ranks have finished their backward pass.
    func finish(_ nodes: [[SumTerm]], _ between: GradientReduction.BetweenHosts) throws {
        guard let fold = network.configuration.foldedEmbedding else { return }
        let tiles = Shard.rows(0..<network.inputTiles, part: min(rank, owners), of: owners)
        if rank < owners {
            let floats = fold.sums(tokens, ofTiles: tiles)
            if case .tree(let exchange) = between {
                try exchange?.sum(floats, nodes, into: result)
            } else if nodes[0].count > 1 || nodes[0][0].pointer != UnsafePointer(result) {
                team.setSum(of: nodes[0], floats, into: result)
            }
            team.run { thread in
                network.setInputWeightGradient(
                    ofTiles: Shard.rows(tiles, part: thread, of: team.count), tokens, in: result, products[thread])
            }
        }
        try sharing?.meet()
        if rank < owners {
            let subset = Shard.rows(0..<tokens.tokens.count, part: rank, of: owners)
            team.run { thread in
                network.setEmbeddingGradient(
                    ofTokens: Shard.rows(subset, part: thread, of: team.count), tokens, in: result, products[thread])
            }
        }
        try sharing?.meet()
    }
}
