/// The progress line of a training, rewritten in place on a terminal.
package enum ProgressLine {
    /// The widest line: a terminal of 80 columns would wrap a longer one, and only its last row could be rewritten.
    package static let widest = 79
    static let separator = "  "

    /// Joins the parts to a line of at most `widest` characters. Parts that do not fit are left out: the learning rate
    /// (3), the epoch (1), the speed (4), then the last ones.
    package static func fitted(_ parts: [String]) -> String {
        var chosen = Array(parts.enumerated())
        func line() -> String { chosen.map(\.element).joined(separator: separator) }
        for index in [3, 1, 4] where line().count > widest { chosen.removeAll { $0.offset == index } }
        while line().count > widest, chosen.count > 1 { chosen.removeLast() }
        return String(line().prefix(widest))
    }
}
