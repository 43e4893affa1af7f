package import Kernels

extension ThreadTeam {
    /// result = the sum of `terms`, for some floats, at their places: each thread writes a slice, with the same bits whoever is first.
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
