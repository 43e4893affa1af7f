import Kernels
import MPI
import Recurrent
import Reduction
import Tensors

/// What the ranks find out together about the tokens of a step, where sums go by the tree: which tokens there are, and after the
/// backward pass the gradients of the embedding and of the first input weights, from sums over all ranks of gate gradients by token.
///
/// The products that follow these sums are divided over the ranks of a host, by tiles of gates and then by tokens.
final class FoldedReduction: InputReduction {
    /// Of the step, over all ranks.
    let tokens: StepTokens
    let rows: RowSet
    /// Where the gradients go: a gradient block of the host's first rank, with the sums behind the gradients.
    let result: UnsafeMutablePointer<Float>
    private let communicator: Communicator
    private let sharing: StepMemory.Sharing?
    private let own: GradientBlocks
    private let team: ThreadTeam
    private let most: Int
    /// One a thread.
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
        own = memory.gradients
        ownSet = memory.touchedRows
        tokens = StepTokens(vocabulary: vocabulary)
        rows = RowSet(rows: vocabulary)
        most = sizes.dropout > 0 ? 0 : sizes.mostFoldedTokens
        result = memory.sharing?.gradients[0] ?? own.pointer(0)
        products = team.map { _ in TokenProducts(sizes) }
    }

    var isFolded: Bool { tokens.isFolded }
    private var rank: Int { sharing?.hosts.host.rank ?? 0 }
    private var owners: Int { sharing?.hosts.fewestRanks ?? 1 }

    /// Where this rank's tokens are noted before ranks meet.
    private let ownSet: RowSet

    /// The empty set in which this rank's tokens of the next step are to be noted.
    func beginNotes() -> RowSet {
        ownSet.removeAll()
        return ownSet
    }

    /// Puts together the tokens that all ranks have noted in `ownSet`. Collective (MPI_Allreduce, unless all ranks share memory),
    /// after the ranks of a host have met.
    ///
    /// - Parameter steps: of the step over all ranks, at most.
    func gather(steps: Int) throws {
        rows.removeAll()
        if let sharing, sharing.hosts.count == 1 {
            sharing.touchedRows.forEach(rows.formUnion)
        } else {
            rows.formUnion(ownSet)
            if communicator.size > 1 { try communicator.allreduce(rows.bits, .bitwiseOr) }
        }
        tokens.take(rows, steps: steps, most: most)
        if rank == 0 { own.rows[0].clear(own.pointer(0)) }
    }

    /// Sums and products. Collective over the host, after all of its ranks have finished their backward pass.
    func finish(_ nodes: [[SumTerm]], _ between: GradientReduction.BetweenHosts) throws {
        let tiles = Shard.rows(0..<network.inputTiles, part: min(rank, owners), of: owners)
        if rank < owners {
            let floats = network.tokenSums(tokens, ofTiles: tiles)
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
            let some = Shard.rows(0..<tokens.tokens.count, part: rank, of: owners)
            team.run { thread in
                network.setEmbeddingGradient(
                    ofTokens: Shard.rows(some, part: thread, of: team.count), tokens, in: result, products[thread])
            }
        }
        try sharing?.meet()
    }
}
