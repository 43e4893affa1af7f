import Foundation
import Kernels
import Tensors
import Testing

/// The product of two floats that stand in memory, so that no optimiser knows it before it runs.
@inline(never)
private func product(_ a: Float, _ b: Float, in block: FloatBlock) -> Float {
    block.pointer[0] = a
    block.pointer[1] = b
    block.markChanged()
    return block.pointer[0] * block.pointer[1]
}

/// What a thread computes before and after it is prepared.
private struct Answers: Sendable {
    let before: Float
    let after: Float
    let ofSubnormal: Float

    init(_ block: FloatBlock = FloatBlock(count: 2)) {
        before = product(1e-30, 1e-10, in: block)
        prepareThreadForKernels()
        after = product(1e-30, 1e-10, in: block)
        ofSubnormal = product(.leastNonzeroMagnitude, 1e30, in: block)
    }
}

@Suite("Threads")
struct ThreadTests {
    #if arch(x86_64)
        @Test("a prepared thread takes subnormal numbers for zero and makes none; other threads are left as they were")
        func subnormals() async {
            let answers = await withCheckedContinuation { continuation in
                // A thread of its own: how it rounds must not reach other tests.
                Thread { continuation.resume(returning: Answers()) }.start()
            }
            #expect(answers.before > 0 && answers.before.isSubnormal)
            #expect(answers.after == 0)
            #expect(answers.ofSubnormal == 0)
            #expect(product(1e-30, 1e-10, in: FloatBlock(count: 2)) > 0)
        }
    #endif
}
