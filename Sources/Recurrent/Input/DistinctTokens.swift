import Tensors

/// The distinct tokens of a window, in the order in which they first occur.
struct DistinctTokens {
    private(set) var tokens: [Int32] = []
    /// For each place t B + b of the window, the index of its token in `tokens`.
    private(set) var places: [Int32] = []
    /// The index in `tokens` of each token of the vocabulary, or -1.
    private var indices: [Int32]

    init(vocabulary: Int) { indices = [Int32](repeating: -1, count: vocabulary) }

    var vocabulary: Int { indices.count }

    /// Reserves memory for windows of this many places.
    mutating func reserve(_ places: Int) {
        tokens.reserveCapacity(min(places, vocabulary))
        self.places.reserveCapacity(places)
    }

    mutating func find(in window: [Int32]) {
        for token in tokens { indices[Int(token)] = -1 }
        tokens.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        for token in window {
            var index = indices[Int(token)]
            if index < 0 {
                index = Int32(truncatingIfNeeded: tokens.count)
                indices[Int(token)] = index
                tokens.append(token)
            }
            places.append(index)
        }
    }
}
