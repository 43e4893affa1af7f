package import System

/// Labelled tokens, as in the shared tasks of CoNLL: a line for each token, which begins with it and ends with its label;
/// columns are separated by tabs, in a line without a tab by white space. An empty line ends a sentence.
///
///     # a comment, before a sentence: # and a space
///     play    VERB    O
///     Yesterday    NOUN    B-track
///
/// Lines of one column are tokens without label. `-DOCSTART-` lines are skipped.
package enum CoNLLReader: SequenceReader {
    package static let format = "conll"
    package static let endings = ["conll"]

    package static func read(_ file: MappedFile, into table: inout SequenceTable) throws(TableError) {
        let first = table.count
        var sentence = Sentence(path: file.path)
        for line in TextLines(file.bytes) {
            if line.trimmed.isEmpty {
                try sentence.end(into: &table)
            } else if !sentence.isComment(line) {
                try sentence.append(line)
            }
        }
        try sentence.end(into: &table)
        guard table.count > first else {
            throw TableError(path: file.path, found: "no token", accepted: "a token and its label on each line")
        }
    }

    private struct Sentence {
        let path: String
        private var tokens: [String] = []
        private var labels: [String] = []
        private var line = 0

        init(path: String) { self.path = path }

        func isComment(_ line: TextLines.Field) -> Bool {
            // Not a token such as #fun; in a line that is divided at spaces, a token # would look like a comment.
            let marks = line.begins(with: "#") && (line.bytes.count == 1 || line.bytes.dropFirst().first == 0x20)
            return tokens.isEmpty && marks && !line.bytes.contains(0x09) || line.bytes.starts(with: "-DOCSTART-".utf8)
        }

        mutating func append(_ line: TextLines.Field) throws(TableError) {
            let hasTab = line.bytes.contains(0x09)
            let columns =
                hasTab ? line.split(at: "\t") : line.trimmed.split(at: " ").filter { !$0.isEmpty }
            let texts = columns.map { $0.trimmed.text }
            guard let token = texts.first ?? nil, let label = texts.last ?? nil, !token.isEmpty, !label.isEmpty else {
                throw TableError(
                    path: path, line: line.line, found: line.shownText,
                    accepted: "a token and its label in UTF-8, separated by a tab")
            }
            if tokens.isEmpty { self.line = line.line }
            guard columns.count == 1 ? labels.isEmpty : labels.count == tokens.count else {
                throw TableError(
                    path: path, line: line.line, found: columns.count == 1 ? "a token without label" : "a label",
                    accepted: columns.count == 1
                        ? "a label for each token of a sentence" : "none, as before in this sentence")
            }
            tokens.append(token)
            if columns.count > 1 { labels.append(label) }
        }

        mutating func end(into table: inout SequenceTable) throws(TableError) {
            guard !tokens.isEmpty else { return }
            try table.append(
                .tokens(tokens), SequenceTable.Labels(ofSteps: labels),
                at: SequenceTable.Place(path: path, line: line))
            tokens = []
            labels = []
        }
    }
}
