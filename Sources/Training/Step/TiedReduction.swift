import Kernels
import MPI
import Recurrent
import Reduction
import Tensors

/// The gradient of an embedding that is also the output layer's weights, with tree sums: each of the two parts is
/// summed along the tree over all ranks, and then they are added.
///
/// One sum over both parts of each rank would depend on which sequences a rank has.
final class TiedReduction: InputReduction {
    let isFolded = true
    /// Empty: a step reaches every row of the gradient.
    let rows = RowSet(rows: 0)
    /// A gradient block of the host's first rank.
    let result: UnsafeMutablePointer<Float>
    private let sharing: StepMemory.Sharing?
    private let team: ThreadTeam
    /// The output layer's part, behind the gradients.
    private let outputPart: Range<Int>

    /// nil if the embedding is not tied.
    init?(_ memory: StepMemory, _ team: ThreadTeam, _ sizes: NetworkConfiguration) {
        guard let outputPart = sizes.tiedSums else { return nil }
        self.outputPart = outputPart
        self.team = team
        sharing = memory.sharing
        result = memory.sharing?.gradients[0] ?? memory.gradients.pointer(0)
    }

    func finish(_ nodes: [[SumTerm]], _ between: GradientReduction.BetweenHosts) throws {
        let (rank, owners) = (sharing?.hosts.host.rank ?? 0, sharing?.hosts.fewestRanks ?? 1)
        if rank < owners {
            let localRange = Shard.floats(0..<outputPart.count, part: rank, of: owners)
            let behind = outputPart.lowerBound + localRange.lowerBound..<outputPart.lowerBound + localRange.upperBound
            for floats in [localRange, behind] {
                if case .tree(let exchange) = between {
                    try exchange?.sum(floats, nodes, into: result)
                } else {
                    team.setSum(of: nodes[0], floats, into: result)
                }
            }
            team.run { thread in
                let floats = Shard.floats(localRange, part: thread, of: team.count)
                UnsafeMutableBufferPointer(start: result + floats.lowerBound, count: floats.count)
                    .add(result + outputPart.lowerBound + floats.lowerBound)
            }
        }
        try sharing?.meet()
    }
}
