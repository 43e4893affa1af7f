// broadcast, gather, allgather, scatter, exchange: values must arrive as they were sent.

import MPI

func broadcast(_ examination: Examination) throws {
    func each<T: Sample>(_ type: T.Type) throws {
        let communicator = examination.communicator
        for length in Examination.lengths {
            for root in 0..<communicator.size {
                var buffer = examination.samples(T.self, rank: communicator.rank, count: length)
                try buffer.withUnsafeMutableBufferPointer { try communicator.broadcast($0, root: root) }
                let sent = examination.samples(T.self, rank: root, count: length)
                examination.equal(buffer, sent, "broadcast from \(root) of \(length) \(T.self)")
            }
        }
    }
    for type in elementTypes { try each(type) }
}

extension Examination {
    /// Lengths of the ranks' parts: equal, increasing, and all empty but the last rank's.
    fileprivate func countsToTry(_ length: Int) -> [[Int]] {
        let ranks = 0..<communicator.size
        return [
            ranks.map { _ in length }, ranks.map { $0 * length + $0 % 2 },
            ranks.map { $0 == communicator.size - 1 ? length : 0 },
        ]
    }

    /// All parts one after the other.
    fileprivate func whole<T: Sample>(_ type: T.Type, _ counts: [Int]) -> [T] {
        counts.enumerated().flatMap { samples(T.self, rank: $0, count: $1) }
    }
}

func gather(_ examination: Examination) throws {
    func each<T: Sample>(_ type: T.Type) throws {
        let communicator = examination.communicator
        for counts in Examination.lengths.flatMap(examination.countsToTry) {
            let expected = examination.whole(T.self, counts)
            let part = examination.samples(T.self, rank: communicator.rank, count: counts[communicator.rank])
            for root in 0..<communicator.size {
                guard communicator.rank == root else {
                    try part.withUnsafeBufferPointer {
                        try communicator.gather($0, counts: counts, into: nil, root: root)
                    }
                    continue
                }
                var found = [T](repeating: T.sample(rank: 99, index: 0, for: nil), count: expected.count)
                try found.withUnsafeMutableBufferPointer { whole in
                    try part.withUnsafeBufferPointer {
                        try communicator.gather($0, counts: counts, into: whole, root: root)
                    }
                }
                examination.equal(found, expected, "gathered \(T.self) of counts \(counts)")
            }
        }
    }
    try each(Float.self)
    try each(UInt8.self)
}

/// The part in separate memory, and the part in place.
func allgather(_ examination: Examination) throws {
    let communicator = examination.communicator
    for counts in Examination.lengths.flatMap(examination.countsToTry) {
        let expected = examination.whole(Double.self, counts)
        let part = examination.samples(Double.self, rank: communicator.rank, count: counts[communicator.rank])
        var found = [Double](repeating: 0, count: expected.count)
        try found.withUnsafeMutableBufferPointer { whole in
            try part.withUnsafeBufferPointer { try communicator.allgather($0, counts: counts, into: whole) }
        }
        examination.equal(found, expected, "from separate memory, counts \(counts)")

        let start = counts[..<communicator.rank].reduce(0, +)
        var other = [Double](repeating: 0, count: start) + part
        other += [Double](repeating: 0, count: expected.count - other.count)
        try other.withUnsafeMutableBufferPointer { try communicator.allgather(inPlace: $0, counts: counts) }
        examination.equal(other, expected, "in place, counts \(counts)")
    }
}

func scatter(_ examination: Examination) throws {
    func each<T: Sample>(_ type: T.Type) throws {
        let communicator = examination.communicator
        for counts in Examination.lengths.flatMap(examination.countsToTry) {
            let whole = examination.whole(T.self, counts)
            let expected = examination.samples(T.self, rank: communicator.rank, count: counts[communicator.rank])
            for root in 0..<communicator.size {
                var found = [T](repeating: T.sample(rank: 99, index: 0, for: nil), count: expected.count)
                try found.withUnsafeMutableBufferPointer { part in
                    try whole.withUnsafeBufferPointer {
                        try communicator.scatter(
                            communicator.rank == root ? $0 : nil, counts: counts, into: part, root: root)
                    }
                }
                examination.equal(found, expected, "scattered \(T.self) of counts \(counts)")
            }
        }
    }
    try each(Float.self)
    try each(UInt64.self)
}

/// Parts whose lengths differ by sender and receiver, some of them empty.
func exchange(_ examination: Examination) throws {
    let communicator = examination.communicator
    func length(_ from: Int, _ to: Int, _ most: Int) -> Int { (3 * from + 5 * to) % (most + 1) }
    func part(_ from: Int, _ to: Int, _ most: Int) -> [Float] {
        examination.samples(Float.self, rank: 10 * from + to, count: length(from, to, most))
    }
    let ranks = 0..<communicator.size
    for most in [0, 1, 7] where 8 * communicator.size <= communicator.pieceLength {
        let sent = ranks.flatMap { part(communicator.rank, $0, most) }
        let expected = ranks.flatMap { part($0, communicator.rank, most) }
        var found = [Float](repeating: -1, count: expected.count)
        try found.withUnsafeMutableBufferPointer { result in
            try sent.withUnsafeBufferPointer {
                try communicator.exchange(
                    $0, parts: ranks.map { length(communicator.rank, $0, most) }, into: result,
                    counts: ranks.map { length($0, communicator.rank, most) })
            }
        }
        examination.equal(found, expected, "exchanged parts of up to \(most)")
    }
}

func values(_ examination: Examination) throws {
    let communicator = examination.communicator
    let last = communicator.size - 1
    let ranks = (0...last).map { Int64($0) }

    examination.equal(try communicator.allreduce(Int64(communicator.rank), .sum), ranks.reduce(0, +), "a sum")
    let most = try communicator.allreduce([Double(communicator.rank), -Double(communicator.rank)], .maximum)
    examination.equal(most, [Double(last), 0], "the largest of each")
    examination.equal(try communicator.allgather(Int64(communicator.rank)), ranks, "all values")
    examination.equal(try communicator.broadcast(Int32(communicator.rank), root: last), Int32(last), "a value")

    for text in ["", "one line", "Zürich, 東京, 🌧", String(repeating: "long ", count: 3000)] {
        let sent: String? = communicator.rank == last ? text : nil
        examination.equal(try communicator.broadcast(sent, root: last), text, "a text")
        let bytes: [UInt8]? = communicator.rank == last ? Array(text.utf8) : nil
        examination.equal(try communicator.broadcast(bytes, root: last), Array(text.utf8), "bytes")
        let all = try communicator.gather("\(communicator.rank): \(text)", root: last)
        let expected = communicator.rank == last ? ranks.map { "\($0): \(text)" } : []
        examination.equal(all, expected, "gathered texts")
        examination.equal(
            try communicator.allgather("\(communicator.rank): \(text)"), ranks.map { "\($0): \(text)" },
            "all ranks' texts")
    }
    examination.equal(try communicator.broadcast("the root's only" as String?, root: 0), "the root's only", "a text")
}
