package import Kernels

extension ThreadTeam {
    /// Sets a range of `result` to the sum of the same range of `terms`. Each thread writes a slice; the bits do not
    /// depend on the order of the threads.
    package func setSum(of terms: [SumTerm], _ floats: Range<Int>, into result: UnsafeMutablePointer<Float>) {
        run { thread in
            let slice = Shard.floats(floats, part: thread, of: count)
            terms.withUnsafeBufferPointer { terms in
                _ = UnsafeMutableBufferPointer(start: result + slice.lowerBound, count: slice.count)
                    .setSum(of: terms, from: slice.lowerBound)
            }
        }
    }
}
