import MPI
import Recurrent
import Reduction
import Tensors

/// A step with a non-finite loss or gradient; no update was applied. The same on all ranks.
package struct NonFiniteStep: Error, Equatable {
    /// The number of the update that was not applied.
    package let step: Int
    package let loss: Double
    package let gradientNorm: Double
    /// The first tensor with a non-finite summed gradient; nil if only the loss is non-finite.
    package let tensor: String?
    /// The lowest rank whose own contribution is non-finite, and its host; nil if only the sum over ranks is.
    package let rank: Int?
    package let host: String?

    /// The fault and its origin, as text.
    package var description: String {
        func text(_ value: Double) -> String {
            value.isFinite ? "\(value)" : value.isNaN ? "NaN" : "infinite"
        }
        let location = tensor.map { ", first in the gradient of \($0)" } ?? ""
        let origin = rank.map { "from rank \($0) on \(host ?? "an unnamed host")" } ?? "in the sum over ranks"
        return
            "step \(step): non-finite loss or gradient, \(origin) (loss \(text(loss)), gradient norm \(text(gradientNorm))\(location))"
    }
}

extension NonFiniteStep {
    /// Determines the origin of a non-finite step. Collective (MPI_Allgather, MPI_Bcast), on all ranks after such a
    /// step.
    ///
    /// - Parameters:
    ///   - blocks: the indices of this rank's gradient blocks.
    ///   - localRanges: the ranges in which the first block of `gradients` holds sums over all ranks; elsewhere its
    ///     values are this rank's own.
    ///   - hasFiniteParts: whether this rank's losses are finite, and its gradients as far as they were checked before
    ///     they were summed.
    static func found(
        by communicator: Communicator, step: Int, loss: Double, gradientNorm: Double, gradients: GradientBlocks,
        blocks: [Int], localRanges: [Range<Int>], layout: TensorLayout, hasFiniteParts: Bool
    ) throws -> NonFiniteStep {
        let summed = localRanges.sorted { $0.lowerBound < $1.lowerBound }
        let unsummed = zip([0] + summed.map(\.upperBound), summed.map(\.lowerBound) + [layout.count])
            .map { $0..<max($0, $1) }
        // Non-finite losses or gradients before the sum are a rank's own contribution. A gradient outside of the local
        // ranges may also be a sum (`FoldedReduction`), and is weaker evidence.
        let evidence =
            !hasFiniteParts
            ? 2
            : blocks.contains { firstNonFinite(of: gradients, $0, in: $0 == 0 ? unsummed : [0..<layout.count]) != nil }
                ? 1 : Int32(0)
        let sums = try communicator.allgather(Int64(firstNonFinite(of: gradients, 0, in: summed) ?? Int.max))
        let parts = try communicator.allgather(evidence)
        // A slice owner's own contribution has been overwritten by the sum; if no other rank has evidence, the owner is
        // to blame.
        let owners = sums.indices.filter { sums[$0] < Int64.max }
        let rank = parts.firstIndex(of: 2) ?? parts.firstIndex(of: 1) ?? (owners.count == 1 ? owners[0] : nil)
        let first = sums.min().map { Int($0) } ?? Int.max
        return NonFiniteStep(
            step: step, loss: loss, gradientNorm: gradientNorm,
            tensor: layout.tensors.first { $0.range.contains(first) }?.name, rank: rank,
            host: try rank.map { try communicator.broadcast(Job.hostName, root: $0) })
    }

    private static func firstNonFinite(of blocks: GradientBlocks, _ block: Int, in ranges: [Range<Int>]) -> Int? {
        for range in ranges {
            let values = UnsafeBufferPointer(start: blocks.pointer(block) + range.lowerBound, count: range.count)
            if let index = values.firstIndex(where: { !$0.isFinite }) { return range.lowerBound + index }
        }
        return nil
    }
}
