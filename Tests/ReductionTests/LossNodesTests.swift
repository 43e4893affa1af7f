import Reduction
import Tensors
import Testing

@Suite("Sums of losses over ranks")
struct LossNodesTests {
    /// What one MPI_Allreduce of all ranks' sums gives, and the total that follows from it.
    private func total(_ losses: [Double], ranks: Int) -> Double {
        var sums: [Double] = []
        for rank in 0..<ranks {
            let nodes = LossNodes(sequences: losses.count, rank: rank, of: ranks)
            var local = [Double](repeating: 0, count: nodes.count)
            nodes.put(Array(losses[Shard.rows(losses.count, part: rank, of: ranks)]), into: &local)
            sums = sums.isEmpty ? local : zip(sums, local).map { $0 + $1 }
        }
        var waiting: [Double] = []
        return LossNodes(sequences: losses.count, rank: 0, of: ranks).total(of: sums, &waiting)
    }

    @Test("the total has the same bits for any number of ranks", arguments: [1, 2, 5, 20, 37, 64])
    func sameBits(sequences: Int) {
        var random = CounterRandom(seed: UInt64(sequences), purpose: .benchmark)
        let losses = (0..<sequences).map { _ in Double(random.uniform(1, 1000)) / 3 }
        let one = total(losses, ranks: 1)
        #expect(abs(one - losses.reduce(0, +)) < 1e-10 * one)
        for ranks in 2...9 { #expect(total(losses, ranks: ranks).bitPattern == one.bitPattern, "\(ranks) ranks") }
    }

    @Test("the number of sums that ranks exchange does not grow with the batch")
    func count() {
        #expect(LossNodes(sequences: 1 << 20, rank: 0, of: 4).count == 4)
        #expect(LossNodes(sequences: 1_000_003, rank: 0, of: 3).count < 3 * 2 * 20)
    }
}
