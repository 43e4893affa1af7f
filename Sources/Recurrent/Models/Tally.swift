/// The loss of some sequences: a sum in Double over a count, so that parts add up and are divided once.
package struct Tally: Equatable, Sendable {
    /// Summed loss of the scored steps: nats for classes, squared error for values.
    package var loss = 0.0
    package var scored = 0

    package init() {}

    package static func += (total: inout Tally, part: Tally) {
        total.loss += part.loss
        total.scored += part.scored
    }
}
