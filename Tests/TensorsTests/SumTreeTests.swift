import Tensors
import Testing

/// The tree's definition: the sum over a node as text, with leaves named by their numbers.
private func sum(_ node: Range<Int>) -> String {
    guard node.count > 1 else { return "\(node.lowerBound)" }
    let half = node.count / 2 + node.count % 2
    return "(\(sum(node.prefix(half))) + \(sum(node.dropFirst(half))))"
}

/// The sums that wait after `sums` have been added up by `merges`.
private func added(_ sums: [String], _ merges: [Int]) -> [String] {
    #expect(sums.count == merges.count)
    var waiting: [String] = []
    for (sum, merges) in zip(sums, merges) {
        waiting.append((0..<merges).reduce(sum) { sum, _ in "(\(waiting.popLast() ?? "nothing") + \(sum))" })
    }
    return waiting
}

/// All nodes of the tree.
private func nodes(in node: Range<Int>) -> [Range<Int>] {
    guard node.count > 1 else { return node.isEmpty ? [] : [node] }
    let half = (node.count + 1) / 2
    return [node] + nodes(in: node.prefix(half)) + nodes(in: node.dropFirst(half))
}

/// Each rank's sequences, as `Shard` distributes them.
private func shares(_ leaves: Int, ranks: Int) -> [Range<Int>] {
    let bounds = (0...ranks).map { ($0 * leaves + ranks - 1) / ranks }
    return zip(bounds, bounds.dropFirst()).map { $0..<$1 }
}

@Suite("Tree of a sum")
struct SumTreeTests {
    @Test("the halves of five are three and two, those of three two and one")
    func example() {
        #expect(SumTree.merges(inside: 0..<5) == [0, 1, 1, 0, 2])
        #expect(added(["0", "1", "2", "3", "4"], [0, 1, 1, 0, 2]) == ["(((0 + 1) + 2) + (3 + 4))"])
        #expect(sum(0..<5) == "(((0 + 1) + 2) + (3 + 4))")
        #expect(SumTree.middle(0..<5) == 3 && SumTree.middle(3..<5) == 4 && SumTree.middle(7..<10) == 9)
    }

    @Test("any range is covered by the largest nodes inside it, in order", arguments: 1...40)
    func covering(leaves: Int) {
        let all = nodes(in: 0..<leaves)
        for first in 0...leaves {
            for end in first...leaves {
                let rows = first..<end
                let inside = all.filter { $0.lowerBound >= first && $0.upperBound <= end }
                let largest = inside.filter { node in
                    !inside.contains {
                        $0 != node && $0.lowerBound <= node.lowerBound && node.upperBound <= $0.upperBound
                    }
                }
                let found = SumTree.nodes(covering: rows, of: leaves)
                #expect(found == largest.sorted { $0.lowerBound < $1.lowerBound })
                #expect(found.flatMap { Array($0) } == Array(rows), "the nodes tile the range")
            }
        }
    }

    @Test("the sequences of any range, added up one by one, are the sums of its largest nodes", arguments: 1...40)
    func oneByOne(leaves: Int) {
        for first in 0..<leaves {
            for end in first + 1...leaves {
                let merges = SumTree.merges(of: (first..<end).map { $0..<$0 + 1 }, of: leaves)
                let found = added((first..<end).map { "\($0)" }, merges)
                #expect(found == SumTree.nodes(covering: first..<end, of: leaves).map { sum($0) })
            }
        }
    }

    @Test("any number of ranks, each adding up its nodes, give the sum of one rank", arguments: 1...40)
    func ranks(leaves: Int) {
        for ranks in 1...8 {
            let nodes = shares(leaves, ranks: ranks).flatMap { SumTree.nodes(covering: $0, of: leaves) }
            let sums = nodes.map { added($0.map { "\($0)" }, SumTree.merges(inside: $0)) }
            #expect(sums == nodes.map { [sum($0)] }, "the ranks' sums, \(ranks) ranks")
            #expect(
                added(sums.flatMap { $0 }, SumTree.merges(of: nodes, of: leaves)) == [sum(0..<leaves)],
                "\(ranks) ranks")
        }
    }

    @Test("the nodes of a subset of the ranks are added up to the largest nodes that they cover", arguments: 1...24)
    func groups(leaves: Int) {
        for ranks in 1...6 {
            let shares = shares(leaves, ranks: ranks)
            for mask in 0..<1 << ranks {
                let subset = shares.indices.filter { mask >> $0 & 1 == 1 }.map { shares[$0] }.filter { !$0.isEmpty }
                let parts = subset.flatMap { SumTree.nodes(covering: $0, of: leaves) }
                let groups = SumTree.groups(of: parts, of: leaves)
                let sequences = RangeSet(subset)
                #expect(
                    groups.map(\.node)
                        == sequences.ranges.flatMap { SumTree.nodes(covering: $0, of: leaves) })
                #expect(groups.flatMap { Array($0.terms) } == Array(parts.indices))
                for group in groups {
                    #expect(added(parts[group.terms].map { sum($0) }, group.merges) == [sum(group.node)])
                }
            }
        }
    }

    @Test("each of 2 or 4 ranks has one node whatever the number of sequences, or none", arguments: 1...200)
    func evenRanks(leaves: Int) {
        for ranks in [1, 2, 4] {
            for share in shares(leaves, ranks: ranks) {
                #expect(SumTree.nodes(covering: share, of: leaves) == (share.isEmpty ? [] : [share]))
            }
        }
    }

    @Test("an empty range has no nodes and needs no additions")
    func nothing() {
        #expect(SumTree.nodes(covering: 0..<0, of: 0) == [] && SumTree.nodes(covering: 2..<2, of: 5) == [])
        #expect(SumTree.merges(of: [], of: 5) == [] && SumTree.merges(inside: 3..<3) == [])
    }
}
