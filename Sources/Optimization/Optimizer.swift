package import Tensors

/// A rule with its state: one block a slot, laid out as the parameters.
package struct Optimizer {
    package let rule: any UpdateRule
    package let slots: [(name: String, block: FloatBlock)]
    /// Updates done.
    package var updates = 0

    package init(_ rule: any UpdateRule, count: Int) {
        self.rule = rule
        slots = rule.slots.map { slot in
            let block = FloatBlock(count: count)
            if slot.initial != 0 { block.buffer.update(repeating: slot.initial) }
            return (slot.name, block)
        }
    }

    /// Updates the parameters of `range` (all ranges of a block together are one update, closed by the call that has
    /// `last`).
    package mutating func update(
        _ parameters: FloatBlock, with gradients: FloatBlock, in range: Range<Int>, rate: Double, last: Bool = true
    ) {
        rule.update(
            parameters.pointer + range.lowerBound, gradients.pointer + range.lowerBound,
            slots.map { $0.block.pointer + range.lowerBound }, count: range.count, rate: rate, number: updates + 1)
        if last { updates += 1 }
        parameters.markChanged()
    }
}
