import System

/// An error in a file of sequences: where, what was found, what is accepted.
package struct TableError: Error, Equatable, Sendable, ExitCoded, CustomStringConvertible {
    package var exitCode: Int32 { 2 }
    private let path: String
    /// From 1; nil: the whole file.
    private let line: Int?
    /// In bytes, from 1; nil: the whole line.
    private let column: Int?
    private let found: String
    private let accepted: String

    package init(path: String, line: Int? = nil, column: Int? = nil, found: String, accepted: String) {
        self.path = path
        self.line = line
        self.column = column
        self.found = found
        self.accepted = accepted
    }

    init(_ place: SequenceTable.Place, found: String, accepted: String) {
        self.init(path: place.path, line: place.line, found: found, accepted: accepted)
    }

    package var description: String {
        shownPath(path) + (line.map { ", line \($0)" } ?? "") + (column.map { ", column \($0)" } ?? "")
            + ": found \(found); accepted: \(accepted)"
    }

    static func text(_ place: SequenceTable.Place) -> String { "\(shownPath(place.path)), line \(place.line)" }
}
