import Foundation
import Kernels
import Testing

/// What a thread computes; not seen through by the optimiser.
@inline(never)
private func product(_ a: Float, _ b: Float) -> Float { a * b }

private final class Answers: Sendable {
    let before: Float
    let after: Float
    let ofSubnormal: Float

    /// Prepares the calling thread.
    init() {
        before = product(1e-30, 1e-10)
        prepareThreadForKernels()
        after = product(1e-30, 1e-10)
        ofSubnormal = product(.leastNonzeroMagnitude, 1e30)
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
            #expect(product(1e-30, 1e-10) > 0)
        }
    #endif
}
