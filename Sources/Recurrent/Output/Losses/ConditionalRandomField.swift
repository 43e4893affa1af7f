import Kernels
package import Tensors

/// The negative log-likelihood of a sequence's labels in a linear-chain conditional random field, whose scores of labels
/// are the layer's outputs: log Σ e^score over all sequences of labels, minus the score of the true one, in nats. Its
/// outputs are 1 at the labels of the best sequence, and 0 elsewhere.
///
/// Source: Lafferty, McCallum & Pereira (2001), section 3; gradients by forward-backward (`Chain`). The scored steps of a
/// sequence are neighbours, whatever time steps are between them.
package struct ConditionalRandomField: SequenceLoss {
    package static let name = "conditional random field"
    package let width: Int
    private let allowed: LabelTransitions?

    package init?(_ task: TaskShape) {
        guard case .classes(let classes) = task.output, classes > 1 else { return nil }
        width = classes
        allowed = task.transitions
    }

    /// Names as in the Python package pytorch-crf, `[from, to]`.
    package var parameters: [ParameterSpec] {
        [
            ParameterSpec("crf.transitions", [width, width]), ParameterSpec("crf.start_transitions", [width]),
            ParameterSpec("crf.end_transitions", [width]),
        ]
    }

    package func memoryCount(columns: Int, blocks: Int) -> Int { 0 }

    package func forward(_ panel: OutputPanel, rows: Range<Int>, block: Int) { panel.addBias(rows) }
    package func value(_ panel: OutputPanel, column: Int) -> Double { 0 }
    package func setFactors(of panel: OutputPanel, _ factors: UnsafeMutablePointer<Float>) {
        factors.update(repeating: 1, count: panel.pitch)
    }
    /// `score` has done it.
    package func makeGradient(_ panel: OutputPanel, rows: Range<Int>) {}
    package func makeGradient(ofOutputs outputs: UnsafeMutablePointer<Float>, _ panel: OutputPanel, column: Int) {
        preconditionFailure("the chain needs whole sequences")
    }

    package func run(_ pass: OutputPass, losses: inout [Double], _ chunks: OutputChunks) {
        LinearHead(loss: self, pass: pass, chunks: chunks).run(losses: &losses)
    }

    func floatCount(longest: Int, sequences: Int) -> Int {
        ChainMemory.floatCount(labels: width, longest: longest, sequences: sequences)
    }

    func score(_ outputs: SequenceOutputs, losses: inout [Double]) {
        let tensors = outputs.layer.lossTensors
        var chain = outputs.memory.chain(
            labels: width, longest: outputs.longest, sequences: outputs.targets.sequences)
        chain.prepare(
            transitions: tensors[0].values, starts: tensors[1].values, ends: tensors[2].values, allowed)
        guard let wanted = outputs.wanted else {
            for sequence in 0..<outputs.targets.sequences {
                score(sequence, chain, outputs, &losses) { chain, _, steps in
                    guard outputs.keepsOutputs else { return }
                    chain.findBestPath(steps: steps.count)
                    outputs.put(chain, at: steps)
                }
            }
            return
        }
        for piece in outputs.pieces {
            sum(piece, chain, outputs, &losses)
            for (tensor, part) in zip(
                tensors, [0..<width * width, width * width..<width * (width + 1), width * (width + 1)..<chain.sumCount])
            {
                let gradient = UnsafeMutableBufferPointer(
                    start: tensor.gradient + piece.block * wanted.blockStride, count: part.count)
                if !piece.adds { gradient.update(repeating: 0) }
                gradient.add(chain.sums + part.lowerBound)
            }
        }
    }

    /// The gradients of a piece's sequences: those of the chain's parameters summed along the tree, a leaf for each
    /// sequence, or all of them one leaf.
    private func sum(
        _ piece: GradientSums.Node, _ chain: Chain, _ outputs: SequenceOutputs, _ losses: inout [Double]
    ) {
        let count = chain.sumCount
        let (leaf, waiting) = (chain.sums, chain.sums + chain.sumCount)
        var depth = 0
        chain.clear()
        for (number, sequence) in piece.sequences.enumerated() {
            score(sequence, chain, outputs, &losses) { chain, path, steps in
                chain.differentiate(path: path, steps: steps.count)
                outputs.put(chain, at: steps)
            }
            guard let merges = piece.merges else { continue }
            chain.finish()
            for _ in 0..<merges[number] {
                depth -= 1
                UnsafeMutableBufferPointer(start: leaf, count: count).add(waiting + depth * count)
            }
            guard number + 1 < piece.sequences.count else { break }
            (waiting + depth * count).update(from: leaf, count: count)
            depth += 1
            chain.clear()
        }
        if piece.merges == nil { chain.finish() }
    }

    /// Adds a sequence's loss, then calls `body` with its path and its steps.
    private func score(
        _ sequence: Int, _ chain: Chain, _ outputs: SequenceOutputs, _ losses: inout [Double],
        _ body: (Chain, _ path: (Int) -> Int, _ steps: Range<Int>) -> Void
    ) {
        let steps = outputs.steps(of: sequence)
        guard !steps.isEmpty else { return }
        outputs.take(steps, into: chain)
        let path = { (t: Int) in outputs.label(at: steps.lowerBound + t) }
        losses[sequence] += chain.logSum(steps: steps.count) - chain.score(of: path, steps: steps.count)
        body(chain, path, steps)
    }
}
