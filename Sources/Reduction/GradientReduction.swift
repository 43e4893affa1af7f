import Kernels
package import MPI
import Tensors

/// Sums the ranks' gradients slice by slice: within a host each rank adds up its slice in the window, straight from the
/// others' gradients, in the order of the ranks or along the tree; between hosts the owners of the same slice then put their sums
/// together. A rank that shares nothing is a host of its own.
///
/// Each owner writes its sums over its own gradients, which no other rank reads there. Hosts may have different numbers of
/// ranks: then as many ranks of each own slices as the smallest host has, and the others only compute.
///
/// The ranges of a step are announced in the order in which the backward pass finishes them, and are summed as soon as all
/// ranks of the host have announced them, whenever `advance` is called; `finish` does the rest.
package final class GradientReduction {
    private let team: ThreadTeam
    private let ranges: [Range<Int>]
    private let slices: GradientSlices
    /// What this rank sums and updates.
    let ownRanges: [Range<Int>]
    private let sharing: StepMemory.Sharing?
    private let between: BetweenHosts
    private let own: GradientBlocks
    /// Of the network's gradients.
    private let count: Int
    /// Sums of squares, one for each `PartialSum.length` floats.
    private let squares: UnsafeMutableBufferPointer<Double>
    private let ownsSquares: Bool
    private var announced = 0
    private var summed = 0
    /// How many ranges each rank of the host has announced since the start.
    private let progress: SharedCounters?
    /// Sums between hosts that are under way.
    private var requests: [Request] = []

    /// What is summed on this host: of each node that its ranks have together, the terms; in the order of the ranks all is one.
    private var nodes: [[SumTerm]]
    /// The gradients that follow from sums of another kind, and as a sum of one term.
    private let input: (any InputReduction)?
    private let ofInput: [SumTerm]

    /// How sums of hosts become sums of all.
    package enum BetweenHosts {
        case oneHost
        /// MPI_Iallreduce of each slice over its owners; nil for a rank that owns none.
        case allreduce(Communicator?)
        /// One MPI_Allreduce of everything over ranks that share nothing.
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
        ofInput = input.map { [SumTerm(UnsafePointer($0.result), merges: 0)] } ?? []
        own = memory.gradients
        sharing = memory.sharing
        slices = GradientSlices(count: count, ranges: ranges, owners: memory.sharing?.hosts.fewestRanks ?? 1)
        ownRanges = slices.slices(of: memory.sharing?.hosts.host.rank ?? 0)
        progress = memory.sharing?.window.counters(1)
        nodes = [
            SumTerm.inOrder(memory.sharing?.gradients.map { UnsafePointer($0) } ?? [UnsafePointer(own.pointer(0))])
        ]
        squares = memory.sharing?.squares ?? .allocate(capacity: (count + PartialSum.length - 1) / PartialSum.length)
        ownsSquares = memory.sharing == nil
    }

    deinit { if ownsSquares { squares.deallocate() } }

    private var rank: Int { sharing?.hosts.host.rank ?? 0 }

    /// By the tree: what the host's ranks leave in a step, the terms of each of their nodes.
    func setNodes(_ nodes: [[SumTerm]]) { self.nodes = nodes }

    /// Notes that this rank's gradients of the step's next range, number `range`, are final, and sums what can be summed.
    func announce(_ range: Int) throws {
        precondition(range == announced % ranges.count, "ranges are announced in their order")
        announced += 1
        progress?.advance(to: announced)
        try advance()
    }

    /// Sums the ranges that all ranks of the host have announced; lets MPI work on what is under way between hosts.
    private func advance() throws {
        switch between {
        case .oneHost, .allreduce:
            while summed < announced, canSumAlone(summed), progress?.haveAll(reached: summed + 1) ?? false {
                try sumNext()
            }
            for request in requests { _ = try request.test() }
        case .plainAllreduce, .tree: break  // together, at the end
        }
    }

    private func isLast(_ number: Int) -> Bool { number % ranges.count == ranges.count - 1 }
    private func canSumAlone(_ number: Int) -> Bool { !isLast(number) || !(input?.isFolded ?? false) }

    /// Sums what is left of the step and returns the sum of squares of the whole, the same bits on every rank. Collective,
    /// after all ranks have announced all ranges.
    func finish() throws -> Double {
        precondition(announced.isMultiple(of: ranges.count), "all ranges of the step have been announced")
        if case .plainAllreduce(let communicator) = between {
            try communicator.allreduce(own.memory[0..<count], .sum)
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
            own.rows[0].filled.insertAll()  // by which rows other hosts have touched
            for range in 0..<ranges.count {
                forEachPartialSum(of: range) { part in squares[part] = own.memory[slices.floats(part)].sumOfSquares }
            }
        }
        try wait()
        return squares.reduce(0, +)
    }

    /// Returns when all ranks of the host have come here.
    func wait() throws { try sharing?.meet() }

    private func sumNext() throws {
        let range = summed % ranges.count
        summed += 1
        if isLast(range) { noteRows() }
        switch between {
        case .oneHost: sumOnHost(range)
        case .allreduce(let peers):
            if nodes[0].count > 1 { sumOnHost(range) }
            if let peers { requests.append(try peers.beginAllreduce(own.memory[slices.slice(range, of: rank)], .sum)) }
        case .plainAllreduce: break
        case .tree(let exchange):
            let end = endOfInput(range)
            try exchange?.sum(slices.slice(range, of: rank).clamped(to: end..<count), nodes, into: own.pointer(0))
            // The same on every host.
            forEachPartialSum(of: range) { part in
                var squares = PartialSum()
                sum(slices.floats(part).clamped(to: 0..<end), ofInput, &squares)
            }
        }
    }

    /// Where the gradients end that follow from sums by token, which are the same on every host and are in `input.result`; 0
    /// where none do.
    private func endOfInput(_ range: Int) -> Int {
        canSumAlone(range) ? 0 : ranges[ranges.count - 1].upperBound
    }

    /// The embedding is in the last range: of it only these rows are summed.
    private func noteRows() {
        if let input {
            own.rows[0].filled.formUnion(input.rows)
        } else {
            sharing?.touchedRows.forEach(own.rows[0].filled.formUnion)
        }
    }

    private func sumOnHost(_ range: Int) {
        let end = endOfInput(range)
        forEachPartialSum(of: range) { part in
            let floats = slices.floats(part)
            var squares = PartialSum()
            sum(floats.clamped(to: 0..<end), ofInput, &squares)
            sum(floats.clamped(to: end..<count), nodes[0], &squares)
            self.squares[part] = squares.value
        }
    }

    /// Puts the sum of terms into this rank's first block, and adds its squares.
    private func sum(_ floats: Range<Int>, _ terms: [SumTerm], _ squares: inout PartialSum) {
        let isThere = terms.count == 1 && terms[0].pointer == UnsafePointer(own.pointer(0))
        terms.withUnsafeBufferPointer { terms in
            own.rows[0].forEachRange(in: floats) { floats in
                if isThere {
                    squares.addSquares(of: own.memory[floats])
                } else {
                    squares.addSquares(of: own.memory[floats], settingSumOf: terms, from: floats.lowerBound)
                }
            }
        }
    }

    /// The partial sums of a range that are this rank's, on its threads.
    private func forEachPartialSum(of range: Int, _ body: (Int) -> Void) {
        let parts = slices.partialSums(range, of: rank)
        team.run { thread in
            for part in Shard.rows(parts, part: thread, of: team.count) { body(part) }
        }
    }
}
