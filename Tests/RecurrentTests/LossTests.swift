import Recurrent
import Tensors
import Testing

@Suite("Losses")
struct LossTests {
    @Test("each kind of targets has one loss of the table, as wide as the targets")
    func table() {
        for output in [TaskShape.Output.classes(3), .classes(700), .values(1), .values(9)] {
            let losses = LossTable.all.compactMap { $0.init(output) }
            #expect(losses.count == 1)
            #expect(LossTable.loss(for: output).width == output.width)
        }
        #expect(Set(LossTable.all.map { $0.name }).count == LossTable.all.count)
    }

    @Test("the gradient tests' cases use every loss of the table, with few outputs and with many")
    func cases() {
        let examples = NetworkCase.all + LargerShapesTests.shapes
        for type in LossTable.all {
            let widths = examples.compactMap { type.init($0.task.output)?.width }
            #expect(widths.contains { $0 <= 3 } && widths.contains { $0 > 8 }, "\(type.name)")
        }
    }
}
