import Sequences
import Testing

@Suite("The order of sequences")
struct SequenceOrderTests {
    /// 7 to 29, as often as each other.
    private let lengths = (0..<500).map { 7 + $0 * 37 % 23 }

    @Test(
        "each epoch has every sequence once, in another order, which seed and epoch determine",
        arguments: [1, 30, 64, 600])
    func permutation(batch: Int) {
        let order = SequenceOrder.shuffled(seed: 5)
        let epochs = (1...3).map { order.sequences(lengths, batch: batch, epoch: $0) }
        for epoch in epochs { #expect(epoch.sorted() == Array(lengths.indices)) }
        #expect(epochs[0] != epochs[1] && epochs[1] != epochs[2])
        #expect(order.sequences(lengths, batch: batch, epoch: 2) == epochs[1])
        #expect(SequenceOrder.shuffled(seed: 6).sequences(lengths, batch: batch, epoch: 2) != epochs[1])
    }

    @Test("batches of similar lengths have less than 10 % padding, random ones more")
    func padding() {
        let shuffled = SequenceOrder.shuffled(seed: 1).sequences(lengths, batch: 30, epoch: 1)
        #expect(SequenceOrder.padding(shuffled, lengths, batch: 30) < 0.1)
        #expect(SequenceOrder.padding(Array(lengths.indices), lengths, batch: 30) > 0.3)
        #expect(abs(SequenceOrder.padding([0, 1], [1, 3], batch: 2) - 1.0 / 3) < 1e-12)
    }

    @Test(
        "batches are not in the order of their lengths, and the short last one is not always of the longest sequences")
    func mixing() {
        let order = SequenceOrder.shuffled(seed: 3)
        let firsts = (1...20).map { epoch in order.sequences(lengths, batch: 30, epoch: epoch).map { lengths[$0] } }
        #expect(Set(firsts.map { $0[0] }).count > 3)
        #expect(Set(firsts.map { $0[499] }).count > 3)
    }

    @Test("by length keeps the order of equal lengths; as read keeps all")
    func evaluation() {
        #expect(SequenceOrder.byLength.sequences([3, 1, 3, 2, 1], batch: 2, epoch: 1) == [1, 4, 3, 0, 2])
        #expect(SequenceOrder.asRead.sequences([3, 1, 3], batch: 2, epoch: 4) == [0, 1, 2])
    }

    @Test("a part of the sequences is drawn from the seed, without loss")
    func parts() {
        let (part, others) = SequenceOrder.divide(270, fraction: 0.2, seed: 1)
        #expect(part.count == 54 && (part + others).sorted() == Array(0..<270))
        #expect(part != Array(216..<270) && part == part.sorted())
        #expect(SequenceOrder.divide(270, fraction: 0.2, seed: 2).part != part)
        #expect(SequenceOrder.divide(4, fraction: 0, seed: 2).others == [0, 1, 2, 3])
    }
}
