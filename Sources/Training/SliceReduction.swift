import Kernels
import MPI
import Tensors

/// Sums the ranks' gradients slice by slice: within a host each rank adds up its slice in the window, straight from the
/// others' gradients, in the order of the ranks; between hosts the owners of the same slice then allreduce it.
///
/// Each owner writes its sums over its own gradients, which no other rank reads there. Hosts may have different numbers of
/// ranks: then as many ranks of each own slices as the smallest host has, and the others only compute.
///
/// The ranges of a step are announced in the order in which the backward pass finishes them, and are summed as soon as all
/// ranks of the host have announced them, whenever `advance` is called; `finish` does the rest.
final class SliceReduction {
    private let team: ThreadTeam
    private let ranges: [Range<Int>]
    private let slices: GradientSlices
    private let sharing: TrainingMemory.Sharing
    private let hosts: Hosts
    private let own: FloatBlock
    private let ownRows: GradientRows
    /// How many ranges each rank of the host has announced since the start.
    private let progress: SharedCounters
    private var announced = 0
    private var summed = 0
    /// Sums between hosts that are under way.
    private var requests: [Request] = []

    init(
        _ sharing: TrainingMemory.Sharing, _ team: ThreadTeam, own: FloatBlock, rows: GradientRows,
        ranges: [Range<Int>]
    ) {
        self.team = team
        ownRows = rows
        self.ranges = ranges
        hosts = sharing.hosts
        slices = GradientSlices(count: own.count, ranges: ranges, owners: sharing.hosts.fewestRanks)
        self.sharing = sharing
        self.own = own
        progress = sharing.window.counters(1)
    }

    /// What this rank sums and updates.
    var ownRanges: [Range<Int>] { slices.slices(of: hosts.host.rank) }

    /// Says that this rank's gradients of `range`, the step's next, are final, and sums what can be.
    func announce(_ range: Range<Int>) throws {
        precondition(range == ranges[announced % ranges.count], "ranges are announced in their order")
        announced += 1
        progress.advance(to: announced)
        try advance()
    }

    /// Sums the ranges that all ranks of the host have announced; lets MPI work on what is under way between hosts.
    private func advance() throws {
        while summed < announced, progress.haveAll(reached: summed + 1) { try sumNext() }
        for request in requests { _ = try request.test() }
    }

    /// Sums what is left of the step and returns the sum of squares of the whole, the same bits on every rank. Collective,
    /// after all ranks have announced all ranges.
    func finish() throws -> Double {
        precondition(announced.isMultiple(of: ranges.count), "all ranges of the step have been announced")
        while summed < announced {
            progress.waitForAll(toReach: summed + 1)
            try sumNext()
        }
        if hosts.count > 1 {
            for request in requests { try request.wait() }
            requests.removeAll(keepingCapacity: true)
            ownRows.filled.insertAll()  // by which rows other hosts have touched
            for range in 0..<ranges.count {
                forEachPartialSum(of: range) { part in sharing.squares[part] = own[slices.floats(part)].sumOfSquares }
            }
        }
        try wait()
        return sharing.squares.reduce(0, +)
    }

    /// Returns when all ranks of the host have come here.
    func wait() throws { try sharing.meet() }

    private func sumNext() throws {
        let range = summed % ranges.count
        let rank = hosts.host.rank
        sharing.gradients.withUnsafeBufferPointer { terms in
            guard terms.count > 1 else { return }
            // The embedding, of which only these rows are summed, is in the last range.
            if range == ranges.count - 1 { sharing.touchedRows.forEach(ownRows.filled.formUnion) }
            forEachPartialSum(of: range) { part in
                var sum = PartialSum()
                ownRows.forEachRange(in: slices.floats(part)) { floats in
                    sum.addSquares(of: own[floats], settingSumOf: terms, from: floats.lowerBound)
                }
                sharing.squares[part] = sum.value
            }
        }
        if let peers = hosts.peers {
            requests.append(try peers.beginAllreduce(own[slices.slice(range, of: rank)], .sum))
        }
        summed += 1
    }

    /// The partial sums of a range that are this rank's, on its threads.
    private func forEachPartialSum(of range: Int, _ body: (Int) -> Void) {
        let parts = slices.partialSums(range, of: hosts.host.rank)
        team.run { thread in
            for part in Shard.rows(parts, part: thread, of: team.count) { body(part) }
        }
    }
}
