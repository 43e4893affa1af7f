import Kernels
import Tensors

/// A loss of whole sequences: its raw outputs are the scores of a sequence's steps.
protocol SequenceLoss: Loss {
    /// After the forward pass of all steps of some sequences: adds their losses, and turns raw outputs into outputs, in
    /// scoring, or into gradients, in training, with the gradients of the loss's own tensors.
    func score(_ outputs: SequenceOutputs, losses: inout [Double])
    /// Floats of `ChainMemory`, for sequences of at most `longest` scored steps.
    func floatCount(longest: Int, sequences: Int) -> Int
}

/// The raw outputs of the scored steps of whole sequences. Legend: S scored steps of the batch, W outputs of a step.
struct SequenceOutputs {
    let layer: OutputLayer
    let targets: Targets
    let scored: ScoredSteps
    /// Of the S.
    let range: Range<Int>
    /// The outputs of these steps: panels of steps `[W, steps]`.
    let values: UnsafeMutablePointer<Float>
    let width: Int
    /// nil: only losses and outputs.
    let wanted: OutputPass.Backward?
    let keepsOutputs: Bool
    /// How gradients of these sequences are summed.
    let pieces: [GradientSums.Node]
    let memory: ChainMemory

    /// The most scored steps of a sequence.
    var longest: Int {
        (0..<targets.sequences).reduce(1) { max($0, scored.steps(of: $1..<$1 + 1).count) }
    }

    /// The scored steps of a sequence.
    func steps(of sequence: Int) -> Range<Int> { scored.steps(of: sequence..<sequence + 1) }

    /// The class of a scored step.
    func label(at step: Int) -> Int { Int(targets.classes[step]) }

    /// Copies the outputs of some steps to the chain.
    func take(_ steps: Range<Int>, into chain: Chain) {
        forEach(steps) { t, column, pitch in
            let scores = chain.scores(at: t)
            for row in 0..<width { scores[row] = Double(column[row * pitch]) }
        }
    }

    /// Replaces the outputs of some steps by the chain's gradient.
    func put(_ chain: Chain, at steps: Range<Int>) {
        forEach(steps) { t, column, pitch in
            let gradient = chain.gradient(at: t)
            for row in 0..<width { column[row * pitch] = Float(gradient[row]) }
        }
    }

    /// Calls `body` with each step's number among these, its first output, and the floats from one output to the next.
    private func forEach(_ steps: Range<Int>, _ body: (Int, UnsafeMutablePointer<Float>, Int) -> Void) {
        let wanted = steps.lowerBound - range.lowerBound..<steps.upperBound - range.lowerBound
        for panel in ColumnPanels(of: range.count) where panel.overlaps(wanted) {
            let pitch = wholeVectors(panel.count)
            for step in panel.clamped(to: wanted) {
                body(
                    step - wanted.lowerBound, values + width * panel.lowerBound + (step - panel.lowerBound), pitch)
            }
        }
    }
}
