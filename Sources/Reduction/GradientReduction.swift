import Kernels
package import MPI
import Tensors

/// Sums the ranks' gradients slice by slice. Within a host, each rank sums its slice in the shared window directly from
/// the other ranks' gradients, in the order of the ranks or along the tree. Between hosts, the owners of the same slice
/// then combine their sums. A rank that shares no memory is a host by itself.
///
/// Each owner writes its sums over its own gradients, which no other rank reads there. Hosts may have different numbers
/// of ranks: on every host, only as many ranks own slices as the smallest host has; the remaining ranks only compute.
///
/// The ranges of a step are announced in the order in which the backward pass finishes them. `advance` sums each range
/// as soon as all ranks of the host have announced it; `finish` sums the remaining ones.
package final class GradientReduction {
    private let team: ThreadTeam
    private let ranges: [Range<Int>]
    private let slices: GradientSlices
    /// The ranges that this rank sums and updates.
    let localRanges: [Range<Int>]
    private let sharing: StepMemory.Sharing?
    private let between: BetweenHosts
    private let local: GradientBlocks
    /// The number of the network's gradients.
    private let count: Int
    /// Receives each chunk's sum of squares.
    private let sums: ChunkSums
    private var announced = 0
    private var summed = 0
    /// The number of ranges that each rank of the host has announced since the start.
    private let progress: SharedCounters?
    /// Sums between hosts that are in progress.
    private var requests: [Request] = []

    /// What is summed on this host: the terms of each node that its ranks hold together. Without the tree there is one
    /// node with the ranks' gradients in rank order.
    private var nodes: [[SumTerm]]
    /// Computes the gradients that are derived from other sums.
    private let input: (any InputReduction)?
    /// `input.result` as a sum of one term.
    private let inputTerms: [SumTerm]

    /// How the hosts' sums are combined.
    package enum BetweenHosts {
        case oneHost
        /// MPI_Iallreduce of each slice over its owners; nil for a rank that owns none.
        case allreduce(Communicator?)
        /// One MPI_Allreduce of all gradients over ranks that share no memory.
        case plainAllreduce(Communicator)
        /// Along the tree, over the owners of a slice; nil for a rank that owns none.
        case tree(TreeExchange?)

        var isOneHost: Bool { if case .oneHost = self { true } else { false } }
    }

    init(
        _ memory: StepMemory, _ team: ThreadTeam, _ between: BetweenHosts, ranges: [Range<Int>], count: Int,
        input: (any InputReduction)?
    ) {
        self.team = team
        self.ranges = ranges
        self.between = between
        self.count = count
        self.input = input
        inputTerms = input.map { [SumTerm(UnsafePointer($0.result), merges: 0)] } ?? []
        local = memory.gradients
        sharing = memory.sharing
        slices = GradientSlices(
            memory.chunkSums.chunks, ranges: ranges, owners: memory.sharing?.hosts.fewestRanks ?? 1)
        localRanges = slices.slices(of: memory.sharing?.hosts.host.rank ?? 0)
        progress = memory.sharing?.window.counters(1)
        nodes = [
            SumTerm.inOrder(memory.sharing?.gradients.map { UnsafePointer($0) } ?? [UnsafePointer(local.pointer(0))])
        ]
        sums = memory.chunkSums
    }

    private var rank: Int { sharing?.hosts.host.rank ?? 0 }

    /// With tree sums: sets the terms of each node that the host's ranks hold in a step.
    func setNodes(_ nodes: [[SumTerm]]) { self.nodes = nodes }

    /// Announces that this rank's gradients of the step's next range, number `range`, are final, and sums the ranges
    /// that are complete.
    func announce(_ range: Int) throws {
        precondition(range == announced % ranges.count, "ranges are announced in their order")
        announced += 1
        progress?.advance(to: announced)
        try advance()
    }

    /// Sums the ranges that all ranks of the host have announced, and lets MPI progress the requests between hosts.
    private func advance() throws {
        switch between {
        case .oneHost, .allreduce:
            while summed < announced, canSumAlone(summed), progress?.haveAll(reached: summed + 1) ?? false {
                try sumNext()
            }
            for request in requests { _ = try request.test() }
        case .plainAllreduce, .tree: break  // in `finish`
        }
    }

    private func isLast(_ number: Int) -> Bool { number % ranges.count == ranges.count - 1 }
    private func canSumAlone(_ number: Int) -> Bool { !isLast(number) || !(input?.isFolded ?? false) }

    /// Sums the remaining ranges of the step and returns the squared norm of all gradients, bit-identical on every
    /// rank. Collective, after all ranks have announced all ranges.
    func finish() throws -> Double {
        precondition(announced.isMultiple(of: ranges.count), "all ranges of the step have been announced")
        if case .plainAllreduce(let communicator) = between {
            try communicator.allreduce(local.memory[0..<count], .sum)
        }
        while summed < announced {
            progress?.waitForAll(toReach: summed + 1)
            if let input, !canSumAlone(summed) {
                try input.finish(nodes, between)
            }
            try sumNext()
        }
        if !between.isOneHost {
            for request in requests { try request.wait() }
            requests.removeAll(keepingCapacity: true)
            local.rows[0].filled.insertAll()  // other hosts may have touched any row
            for range in 0..<ranges.count {
                forEachChunk(of: range) { chunk in
                    sums[.gradientSquares, chunk] = local.memory[slices.chunks.floats(chunk)].sumOfSquares
                }
            }
        }
        try wait()
        return sums.total(.gradientSquares, of: 0..<slices.chunks.count)
    }

    /// Returns when all ranks of the host have called it.
    func wait() throws { try sharing?.meet() }

    /// Calls `body` with each chunk that this rank owns, and its floats, divided among the rank's threads.
    func forEachLocalChunk(_ body: (_ chunk: Int, _ floats: Range<Int>) -> Void) {
        for range in ranges.indices { forEachChunk(of: range) { body($0, slices.chunks.floats($0)) } }
    }

    private func sumNext() throws {
        let range = summed % ranges.count
        summed += 1
        if isLast(range) { noteRows() }
        switch between {
        case .oneHost: sumOnHost(range)
        case .allreduce(let peers):
            if nodes[0].count > 1 { sumOnHost(range) }
            if let peers {
                requests.append(try peers.beginAllreduce(local.memory[slices.slice(range, of: rank)], .sum))
            }
        case .plainAllreduce: break
        case .tree(let exchange):
            let end = endOfInput(range)
            try exchange?.sum(slices.slice(range, of: rank).clamped(to: end..<count), nodes, into: local.pointer(0))
            // These sums are the same on every host.
            forEachChunk(of: range) { chunk in
                var squares = PartialSum()
                sum(slices.chunks.floats(chunk).clamped(to: 0..<end), inputTerms, &squares)
            }
        }
    }

    /// The end of the gradients that are derived from sums by token, which are the same on every host and are in
    /// `input.result`; 0 if there are none.
    private func endOfInput(_ range: Int) -> Int {
        canSumAlone(range) ? 0 : ranges[ranges.count - 1].upperBound
    }

    /// The embedding is in the last range: only these rows of it are summed.
    private func noteRows() {
        if let input {
            local.rows[0].filled.formUnion(input.rows)
        } else {
            sharing?.touchedRows.forEach(local.rows[0].filled.formUnion)
        }
    }

    private func sumOnHost(_ range: Int) {
        let end = endOfInput(range)
        forEachChunk(of: range) { chunk in
            let floats = slices.chunks.floats(chunk)
            var squares = PartialSum()
            sum(floats.clamped(to: 0..<end), inputTerms, &squares)
            sum(floats.clamped(to: end..<count), nodes[0], &squares)
            sums[.gradientSquares, chunk] = squares.value
        }
    }

    /// Writes the sum of `terms` to this rank's first block, and adds its squares.
    private func sum(_ floats: Range<Int>, _ terms: [SumTerm], _ squares: inout PartialSum) {
        let isInPlace = terms.count == 1 && terms[0].pointer == UnsafePointer(local.pointer(0))
        terms.withUnsafeBufferPointer { terms in
            local.rows[0].forEachRange(in: floats) { floats in
                if isInPlace {
                    squares.addSquares(of: local.memory[floats])
                } else {
                    squares.addSquares(of: local.memory[floats], settingSumOf: terms, from: floats.lowerBound)
                }
            }
        }
    }

    /// Calls `body` on this rank's threads for each chunk of a range that this rank owns.
    private func forEachChunk(of range: Int, _ body: (Int) -> Void) {
        let chunks = slices.chunks(range, of: rank)
        team.run { thread in
            for chunk in Shard.rows(chunks, part: thread, of: team.count) { body(chunk) }
        }
    }
}
