package import Tensors

/// A rule with its state: one block a slot, laid out as the parameters.
package struct Optimizer {
    package let rule: any UpdateRule
    package let slots: [(name: String, block: FloatBlock)]
    /// The slots' starts.
    private let state: [UnsafeMutablePointer<Float>]
    /// Updates done.
    package var updates = 0

    /// With state of its own, at its beginning.
    package init(_ rule: any UpdateRule, count: Int) {
        self.init(rule, blocks: rule.slots.map { _ in FloatBlock(count: count) })
        fillInitialState()
    }

    /// With state in blocks that are handed in, one a slot, in the slots' order. They hold zeros, or what another rank
    /// of the host has put there: `fillInitialState` is the caller's.
    package init(_ rule: any UpdateRule, blocks: [FloatBlock]) {
        precondition(blocks.count == rule.slots.count, "there is one block a slot")
        self.rule = rule
        slots = zip(rule.slots, blocks).map { ($0.name, $1) }
        state = blocks.map(\.pointer)
    }

    /// Sets the state to what the rule begins with.
    package func fillInitialState() {
        for (slot, (_, block)) in zip(rule.slots, slots) { block.buffer.update(repeating: slot.initial) }
    }

    /// Updates the parameters of `range` with `scale` times the gradients (all ranges of a block together are one update,
    /// closed by the call that has `last`).
    package mutating func update(
        _ parameters: FloatBlock, with gradients: FloatBlock, in range: Range<Int>, scale: Float = 1, rate: Double,
        last: Bool = true
    ) {
        change(parameters, with: gradients, in: range, scale: scale, rate: rate)
        if last { close(parameters) }
    }

    /// A range's part of an update that `close` ends. Ranges that share nothing can be changed by threads at the same time.
    package func change(
        _ parameters: FloatBlock, with gradients: FloatBlock, in range: Range<Int>, scale: Float, rate: Double
    ) {
        rule.update(
            parameters.pointer, gradients.pointer, scale: scale, state, in: range, rate: rate, number: updates + 1)
    }

    /// As above, where all gradients are 0 but those of `rows`: they alone are gone through where the rule lets others rest.
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

    /// Ends an update whose ranges have been changed.
    package mutating func close(_ parameters: FloatBlock) {
        updates += 1
        parameters.markChanged()
    }
}
