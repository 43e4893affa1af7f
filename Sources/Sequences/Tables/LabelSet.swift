import FileFormats
package import System
package import Tensors

/// The labels of a task, in the order of the model's outputs. Belongs to the trained model, as labels.json.
package struct LabelSet: Equatable {
    static let name = "labels.json"
    /// More classes would need a confusion matrix of more than 8 MB, summed over all ranks at each validation.
    static let most = 1000

    package let names: [String]
    private let index: [String: Int32]
    /// Whether they are labels of spans, and the training data follows the rules of their notation.
    private let obeysNotation: Bool

    private init(_ names: [String], obeysNotation: Bool) {
        self.names = names
        self.obeysNotation = obeysNotation
        index = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, Int32(truncatingIfNeeded: $0)) })
    }

    /// The labels of training data, of its sequences or of their time steps: in the order of their numbers if all are
    /// whole numbers, else of their bytes.
    ///
    /// - Throws: a `TableError` for a sequence without labels, and for too few or too many different ones.
    package init(
        _ table: SequenceTable, _ sequences: [Int], _ scores: TaskShape.Scores
    ) throws(TableError) {
        var found: Set<String> = []
        for sequence in sequences { found.formUnion(try Self.labels(of: sequence, in: table, scores)) }
        guard 2...Self.most ~= found.count else {
            throw TableError(
                path: sequences.first.map { table.places[$0].path } ?? "",
                found: counted(found.count, "label") + " in the training data",
                accepted: "2 to \(grouped(Self.most)) different labels")
        }
        let numbers = found.compactMap { Int($0) }
        let names =
            numbers.count == found.count
            ? found.sorted { ((Int($0) ?? 0), $0) < ((Int($1) ?? 0), $1) }
            : found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let free = LabelSet(names, obeysNotation: false)
        var obeys = false
        if scores == .steps, let transitions = SpanLabels(names)?.transitions {
            obeys = true
            for sequence in sequences where obeys {
                obeys = transitions.allow(try free.classes(of: sequence, in: table, scores).map { Int($0) })
            }
        }
        self.init(names, obeysNotation: obeys)
    }

    /// Which labels may follow each other, by their notation; nil without a notation, or if the training data violates it.
    var transitions: LabelTransitions? { obeysNotation ? SpanLabels(names)?.transitions : nil }

    private static func labels(
        of sequence: Int, in table: SequenceTable, _ scores: TaskShape.Scores
    ) throws(TableError) -> [String] {
        let labels = table.labels[sequence]
        let chosen = scores == .steps ? labels.ofSteps : [labels.ofSequence].compactMap { $0 }
        guard chosen.isEmpty else { return chosen }
        throw TableError(
            table.places[sequence],
            found: scores == .steps ? "a sequence without labels of its time steps" : "a sequence without label",
            accepted: "a label for each")
    }

    /// The class of a sequence, or those of its time steps.
    ///
    /// - Throws: a `TableError` if it has none, or one that the training data lacks.
    func classes(
        of sequence: Int, in table: SequenceTable, _ scores: TaskShape.Scores
    ) throws(TableError) -> [Int32] {
        try Self.labels(of: sequence, in: table, scores).map { label throws(TableError) in
            guard let index = index[label] else {
                throw TableError(
                    table.places[sequence], found: "the label \"\(shown(label))\", which the training data lacks",
                    accepted: "its labels: " + Self.list(names))
            }
            return index
        }
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(12).map { shown($0) }.joined(separator: ", ")
            + (names.count > 12 ? " and \(names.count - 12) more" : "")
    }

    // MARK: - File

    private static let formatVersion = 1

    package var artifact: Artifact {
        let json: JSONValue = [
            "format_version": .integer(Self.formatVersion), "labels": .array(names.map { .string($0) }),
            "obeys_notation": .boolean(obeysNotation),
        ]
        return Artifact(Self.name, json.text)
    }

    /// Reads a file of `artifact`.
    package init(_ artifact: Artifact) throws {
        let json = try JSONValue(parsing: artifact.text, from: artifact.place)
        let names = json["labels"]?.arrayValue?.compactMap(\.stringValue) ?? []
        guard json["format_version"]?.integerValue == Self.formatVersion, names.count >= 2, names.count <= Self.most,
            names.count == json["labels"]?.arrayValue?.count, Set(names).count == names.count
        else {
            throw TableError(
                path: artifact.place,
                found: "no list of 2 to \(grouped(Self.most)) different labels of format_version 1",
                accepted: "a labels.json of a checkpoint")
        }
        self.init(names, obeysNotation: json["obeys_notation"] == .boolean(true))
    }
}
