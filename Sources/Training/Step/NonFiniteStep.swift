import MPI
import Recurrent
import Tensors

/// A step whose loss or gradient is not a finite number, as all ranks know it: made no update.
package struct NonFiniteStep: Error, Equatable {
    /// The update that was not made.
    package let step: Int
    package let loss: Double
    package let gradientNorm: Double
    /// The first tensor whose summed gradient is not finite; nil if only the loss is not.
    package let tensor: String?
    /// The lowest rank whose own part is not finite, and its host; nil if only the sum over ranks is not.
    package let rank: Int?
    package let host: String?

    /// What was found, and where.
    package var words: String {
        func text(_ figure: Double) -> String {
            figure.isFinite ? "\(figure)" : figure.isNaN ? "not a number" : "infinite"
        }
        let place = tensor.map { ", first in that of \($0)" } ?? ""
        let who = rank.map { "from rank \($0) on \(host ?? "an unnamed host")" } ?? "by the sum over ranks"
        return
            "step \(step): the loss or the gradient is not a finite number, \(who) (loss \(text(loss)), gradient norm \(text(gradientNorm))\(place))"
    }
}

extension NonFiniteStep {
    /// Finds out where it came from. Collective (MPI_Allgather, MPI_Bcast), on all ranks after a step that is not finite.
    ///
    /// - Parameters:
    ///   - ownRanges: where `gradients` hold sums over all ranks; elsewhere they are this rank's own.
    ///   - hasFiniteParts: whether this rank's losses are, and what it has seen of its gradients before they were summed.
    static func found(
        by communicator: Communicator, step: Int, loss: Double, gradientNorm: Double, gradients: FloatBlock,
        ownRanges: [Range<Int>], layout: TensorLayout, hasFiniteParts: Bool
    ) throws -> NonFiniteStep {
        let own = ownRanges.sorted { $0.lowerBound < $1.lowerBound }
        let others = zip([0] + own.map(\.upperBound), own.map(\.lowerBound) + [layout.count]).map { $0..<max($0, $1) }
        // Such parts are a rank's own; a gradient outside of the own ranges may be a sum too (`FoldedReduction`), and counts less.
        let evidence =
            !hasFiniteParts ? 2 : firstNonFinite(of: gradients, in: others) != nil ? 1 : Int32(0)
        let sums = try communicator.allgather(Int64(firstNonFinite(of: gradients, in: own) ?? Int.max))
        let parts = try communicator.allgather(evidence)
        // What a slice's owner had in it itself is under the sum by now: it is the one if no other rank has anything.
        let owners = sums.indices.filter { sums[$0] < Int64.max }
        let rank = parts.firstIndex(of: 2) ?? parts.firstIndex(of: 1) ?? (owners.count == 1 ? owners[0] : nil)
        let first = sums.min().map { Int($0) } ?? Int.max
        return NonFiniteStep(
            step: step, loss: loss, gradientNorm: gradientNorm,
            tensor: layout.tensors.first { $0.range.contains(first) }?.name, rank: rank,
            host: try rank.map { try communicator.broadcast(Job.hostName, root: $0) })
    }

    private static func firstNonFinite(of block: FloatBlock, in ranges: [Range<Int>]) -> Int? {
        for range in ranges {
            if let index = block[range].firstIndex(where: { !$0.isFinite }) { return range.lowerBound + index }
        }
        return nil
    }
}
