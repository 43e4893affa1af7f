import Tensors
import Testing

@Suite("Tensor layout")
struct TensorLayoutTests {
    private let layout = TensorLayout([
        ("matrix", [3, 7]), ("line", [16]), ("one", [1]), ("cube", [2, 3, 4]), ("none", [0, 5]), ("last", [2]),
    ])

    @Test("tensors follow each other in order, each at the next multiple of sixteen floats")
    func offsets() {
        #expect(layout.tensors.map(\.name) == ["matrix", "line", "one", "cube", "none", "last"])
        #expect(layout.tensors.map(\.offset) == [0, 32, 48, 64, 96, 96])
        #expect(layout.tensors.map(\.count) == [21, 16, 1, 24, 0, 2])
        #expect(layout.tensors.map(\.range) == [0..<21, 32..<48, 48..<49, 64..<88, 96..<96, 96..<98])
    }

    @Test("the block's size counts the padding of the last tensor too, the number of parameters counts none")
    func counts() {
        #expect(layout.count == 112)
        #expect(layout.parameterCount == 21 + 16 + 1 + 24 + 0 + 2)
    }

    @Test("every offset is on a cache line and no tensor overlaps another")
    func alignment() {
        let line = FloatBlock.alignment / MemoryLayout<Float>.stride
        let layout = TensorLayout((1...40).map { ("t\($0)", [$0, 41 - $0]) })
        #expect(layout.tensors.allSatisfy { $0.offset % line == 0 })
        for (tensor, next) in zip(layout.tensors, layout.tensors.dropFirst()) {
            #expect(tensor.range.upperBound <= next.offset && next.offset < tensor.range.upperBound + line)
        }
        #expect(layout.count % line == 0)
    }

    @Test("a tensor is found by its name, an unknown name finds nothing")
    func names() {
        #expect(layout["cube"] == layout.tensors[3])
        #expect(layout["Cube"] == nil)
        #expect(TensorLayout([])["cube"] == nil)
        #expect(TensorLayout([]).count == 0)
    }

    @Test("layouts are equal when names and shapes are")
    func equality() {
        #expect(TensorLayout([("a", [2, 3])]) == TensorLayout([("a", [2, 3])]))
        #expect(TensorLayout([("a", [2, 3])]) != TensorLayout([("a", [3, 2])]))
        #expect(TensorLayout([("a", [2, 3])]) != TensorLayout([("b", [2, 3])]))
    }
}
