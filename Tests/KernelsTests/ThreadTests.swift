import Foundation
import Kernels
import Tensors
import Testing

/// The product of two floats that are read from memory, so that the compiler cannot evaluate it.
@inline(never)
private func product(_ a: Float, _ b: Float, in block: FloatBlock) -> Float {
    block.pointer[0] = a
    block.pointer[1] = b
    block.markChanged()
    return block.pointer[0] * block.pointer[1]
}

/// Products with subnormals, before and after the thread is prepared.
private struct Products: Sendable {
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
        @Test("a prepared thread treats subnormal inputs and results as zero; other threads are not changed")
        func subnormals() async {
            let products = await withCheckedContinuation { continuation in
                // A separate thread: its rounding mode must not affect other tests.
                Thread { continuation.resume(returning: Products()) }.start()
            }
            #expect(products.before > 0 && products.before.isSubnormal)
            #expect(products.after == 0)
            #expect(products.ofSubnormal == 0)
            #expect(product(1e-30, 1e-10, in: FloatBlock(count: 2)) > 0)
        }
    #endif
}
