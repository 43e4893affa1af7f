package import Kernels
package import Tensors

/// The part of a step's gradients that is not summed itself: the gradients of the first tensors (embedding and first input
/// weights) follow from smaller sums, of gate gradients by token.
///
/// The code that sums over ranks sees the model's input through this protocol alone.
package protocol InputReduction: AnyObject {
    /// Whether the step's gradients are computed in this way; the same on every rank.
    var isFolded: Bool { get }
    /// The rows of the embedding that the step reaches, over all ranks.
    var rows: RowSet { get }
    /// Where the gradients are after `finish`: a gradient block of the host's first rank.
    var result: UnsafeMutablePointer<Float> { get }

    /// Sums over ranks, and computes the gradients in `result`. Collective over the host, after all of its ranks have
    /// finished their backward pass.
    ///
    /// - Parameter nodes: the terms of each of the host's nodes.
    func finish(_ nodes: [[SumTerm]], _ between: GradientReduction.BetweenHosts) throws
}
