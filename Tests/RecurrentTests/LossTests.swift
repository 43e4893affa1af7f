import Recurrent
import Tensors
import Testing

@Suite("Losses")
struct LossTests {
    @Test("a task gets the loss that it names, or its targets' default, as wide as the targets")
    func table() {
        for (output, standard) in [
            (TaskShape.Output.classes(3), SoftmaxCrossEntropy.name), (.classes(700), SoftmaxCrossEntropy.name),
            (.values(1), SquaredError.name), (.values(9), SquaredError.name),
        ] {
            let loss = LossTable.loss(for: TaskShape(input: .features(1), output: output))
            #expect(type(of: loss).name == standard && loss.width == output.width)
            for named in LossTable.all where named.init(TaskShape(input: .features(1), output: output)) != nil {
                let loss = LossTable.loss(for: TaskShape(input: .features(1), output: output, loss: named.name))
                #expect(type(of: loss).name == named.name && loss.width == output.width)
            }
        }
        #expect(Set(LossTable.all.map { $0.name }).count == LossTable.all.count)
    }

    @Test("the gradient tests' cases use every loss of the table, with few outputs and with many")
    func cases() {
        let examples = NetworkCase.all + LargerShapesTests.shapes + RandomFieldTests.cases
        for type in LossTable.all {
            let widths = examples.map(\.task).filter { Swift.type(of: LossTable.loss(for: $0)).name == type.name }
                .map(\.output.width)
            #expect(widths.contains { $0 <= 3 } && widths.contains { $0 > 8 }, "\(type.name)")
        }
    }
}
