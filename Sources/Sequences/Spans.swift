package import Tensors

/// Spans of labels in the notation BIO or BIOES (also IOB1), counted as the script conlleval of the CoNLL-2000 shared task
/// counts (Tjong Kim Sang & Buchholz, 2000): a span is correct if both its borders and its type are. Beyond that script, E
/// ends a span, and S is one.
package struct SpanLabels: Sendable, Equatable {
    private enum Prefix: Character, Sendable {
        case begin = "B"
        case inside = "I"
        case end = "E"
        case single = "S"
        case outside = "O"
    }

    private struct Label: Sendable, Equatable {
        let prefix: Prefix
        /// The text after the prefix; empty for O.
        let type: Substring
    }

    private let labels: [Label]

    /// nil: the labels are not of this kind.
    package init?(_ names: [String]) {
        var labels: [Label] = []
        for name in names {
            if name == "O" {
                labels.append(Label(prefix: .outside, type: ""))
                continue
            }
            guard let first = name.first, let prefix = Prefix(rawValue: first), prefix != .outside,
                name.dropFirst().first == "-", name.count > 2
            else { return nil }
            labels.append(Label(prefix: prefix, type: name.dropFirst(2)))
        }
        guard labels.contains(where: { $0.prefix != .outside }) else { return nil }
        self.labels = labels
    }

    /// Which labels may follow each other in this notation: in BIO a span begins with B, in BIOES it also ends with E, or
    /// is one S.
    package var transitions: LabelTransitions {
        let hasEnds = labels.contains { $0.prefix == .end || $0.prefix == .single }
        func isOpen(_ label: Label) -> Bool { label.prefix == .begin || label.prefix == .inside }
        return LabelTransitions(count: labels.count) { from, to in
            let from = from.map { labels[$0] }
            guard let to = to.map({ labels[$0] }) else { return from.map { !hasEnds || !isOpen($0) } ?? true }
            let continues = to.prefix == .inside || to.prefix == .end
            guard let from, isOpen(from) else { return !continues }
            return continues ? from.type == to.type : !hasEnds
        }
    }

    /// The numbers of correct, predicted and true spans of a sequence.
    package func counts(true targets: [Int], predicted: [Int]) -> (correct: Int, predicted: Int, true: Int) {
        var counts = (correct: 0, predicted: 0, true: 0)
        // The span that is open in both, begun at the same place with the same type, is correct if it ends at the same
        // place.
        var isSame = false
        let outside = Label(prefix: .outside, type: "")
        var (before, beforePredicted) = (outside, outside)
        for t in 0...targets.count {
            let now = t < targets.count ? labels[targets[t]] : outside
            let nowPredicted = t < targets.count ? labels[predicted[t]] : outside
            let ends = Self.ends(before, now)
            let endsPredicted = Self.ends(beforePredicted, nowPredicted)
            if isSame, ends || endsPredicted {
                if ends, endsPredicted { counts.correct += 1 }
                isSame = false
            }
            let begins = Self.begins(before, now)
            let beginsPredicted = Self.begins(beforePredicted, nowPredicted)
            if begins { counts.true += 1 }
            if beginsPredicted { counts.predicted += 1 }
            if begins, beginsPredicted, now.type == nowPredicted.type { isSame = true }
            (before, beforePredicted) = (now, nowPredicted)
        }
        return counts
    }

    /// Whether a span ends between two labels.
    private static func ends(_ before: Label, _ now: Label) -> Bool {
        switch before.prefix {
        case .outside: false
        case .end, .single: true
        case .begin, .inside:
            [.begin, .single, .outside].contains(now.prefix) || before.type != now.type
        }
    }

    /// Whether a span begins with the later of two labels.
    private static func begins(_ before: Label, _ now: Label) -> Bool {
        switch now.prefix {
        case .outside: false
        case .begin, .single: true
        case .inside, .end: [.end, .single, .outside].contains(before.prefix) || before.type != now.type
        }
    }
}
