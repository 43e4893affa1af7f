package import Tensors

/// An update rule with its state: one block per slot, with the parameters' layout.
package struct Optimizer {
    package let rule: any UpdateRule
    package let slots: [(name: String, block: FloatBlock)]
    /// The starts of the slots' blocks.
    private let state: [UnsafeMutablePointer<Float>]
    /// Number of completed updates.
    package var updates = 0

    /// Allocates the state and sets it to its initial values.
    package init(_ rule: any UpdateRule, count: Int) {
        self.init(rule, blocks: rule.slots.map { _ in FloatBlock(count: count) })
        fillInitialState()
    }

    /// Uses `blocks` as the state, one per slot, in the slots' order. They are not initialised, because another rank of
    /// the host may already have written them; the caller calls `fillInitialState` if needed.
    package init(_ rule: any UpdateRule, blocks: [FloatBlock]) {
        precondition(blocks.count == rule.slots.count, "there is one block for each slot")
        self.rule = rule
        slots = zip(rule.slots, blocks).map { ($0.name, $1) }
        state = blocks.map(\.pointer)
    }

    /// Sets the state to the rule's initial values.
    package func fillInitialState() {
        for (slot, (_, block)) in zip(rule.slots, slots) { block.buffer.update(repeating: slot.initial) }
    }

    /// Updates the parameters of `range` with `scale` times the gradients. The ranges of a block together are one
    /// update, which the call with `last` ends.
    package mutating func update(
        _ parameters: FloatBlock, with gradients: FloatBlock, in range: Range<Int>, scale: Float = 1, rate: Double,
        last: Bool = true
    ) {
        change(parameters, with: gradients, in: range, scale: scale, rate: rate)
        if last { close(parameters) }
    }

    /// Updates one range within an update that `close` ends. Threads can change disjoint ranges concurrently.
    package func change(
        _ parameters: FloatBlock, with gradients: FloatBlock, in range: Range<Int>, scale: Float, rate: Double
    ) {
        rule.apply(update(parameters, gradients, range, scale, rate))
    }

    /// The first pass of a `TensorwiseRule` over a part of a tensor, before `change` for any part of it.
    package func measure(
        _ rule: any TensorwiseRule, _ parameters: FloatBlock, with gradients: FloatBlock, in range: Range<Int>,
        scale: Float, rate: Double
    ) -> TensorSquares {
        rule.measure(update(parameters, gradients, range, scale, rate))
    }

    private func update(
        _ parameters: FloatBlock, _ gradients: FloatBlock, _ range: Range<Int>, _ scale: Float, _ rate: Double
    ) -> Update {
        Update(
            parameters: parameters.pointer, gradients: gradients.pointer, scale: scale, state: state, range: range,
            rate: rate, number: updates + 1)
    }

    /// As above, when all gradients outside `rows` are 0: only these rows are visited if the rule leaves parameters
    /// without a gradient unchanged.
    package func change(
        _ parameters: FloatBlock, with gradients: FloatBlock, filledAt rows: GradientRows, in range: Range<Int>,
        scale: Float, rate: Double
    ) {
        if rule.restsWithoutGradient {
            rows.forEachRange(in: range) { change(parameters, with: gradients, in: $0, scale: scale, rate: rate) }
        } else {
            change(parameters, with: gradients, in: range, scale: scale, rate: rate)
        }
    }

    /// Ends an update after all its ranges have been changed.
    package mutating func close(_ parameters: FloatBlock) {
        updates += 1
        parameters.markChanged()
    }
}
