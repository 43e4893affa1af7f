import System

/// Sequences as a reader found them in files, with their labels: all of values, or all of text.
package struct SequenceTable: Sendable {
    /// Where a sequence begins.
    package struct Place: Sendable, Equatable {
        package let path: String
        /// From 1.
        package let line: Int

        package init(path: String, line: Int) {
            self.path = path
            self.line = line
        }
    }

    /// The text of a sequence, before it is divided into tokens, or as tokens.
    package enum Text: Sendable, Equatable {
        case text(String)
        case tokens([String])
    }

    /// The labels of a sequence, as far as the file has them.
    package struct Labels: Sendable, Equatable {
        package let ofSequence: String?
        /// Of each time step or token; empty: there are none.
        package let ofSteps: [String]

        package init(ofSequence: String? = nil, ofSteps: [String] = []) {
            self.ofSequence = ofSequence
            self.ofSteps = ofSteps
        }
    }

    /// Channels of every time step; 0 for texts, and before the first sequence.
    package private(set) var channels = 0
    /// `[time steps of all sequences, channels]`, row-major; NaN where a value is missing.
    package private(set) var values: [Float] = []
    /// The first time step of each sequence of values among all, and the end of the last one.
    private var starts = [0]
    /// The text of each sequence, if they are texts.
    package private(set) var texts: [Text] = []
    package private(set) var labels: [Labels] = []
    package private(set) var places: [Place] = []
    /// What a user should know of the files, a sentence each.
    package private(set) var notes: [String] = []

    package init() {}

    /// The number of sequences.
    package var count: Int { labels.count }
    package var isText: Bool { !texts.isEmpty }
    /// The time steps of a sequence of values.
    package func steps(of sequence: Int) -> Range<Int> { starts[sequence]..<starts[sequence + 1] }
    package func length(of sequence: Int) -> Int { steps(of: sequence).count }

    /// - Parameter values: `[time steps, channels]` of at least one time step.
    /// - Throws: a `TableError` if the sequences before it have other channels, or are texts.
    package mutating func append(
        values: [Float], channels: Int, _ labels: Labels, at place: Place
    ) throws(TableError) {
        try require(isText: false, found: "values", at: place)
        if count > 0, channels != self.channels {
            throw TableError(
                place, found: counted(channels, "channel"),
                accepted: "\(self.channels), as in the first sequence (\(TableError.text(places[0])))")
        }
        self.channels = channels
        self.values += values
        starts.append(starts[count] + values.count / channels)
        self.labels.append(labels)
        places.append(place)
    }

    /// - Throws: a `TableError` if the sequences before it are of values.
    package mutating func append(_ text: Text, _ labels: Labels, at place: Place) throws(TableError) {
        try require(isText: true, found: "a text", at: place)
        texts.append(text)
        self.labels.append(labels)
        places.append(place)
    }

    private func require(isText: Bool, found: String, at place: Place) throws(TableError) {
        guard count > 0, isText != self.isText else { return }
        throw TableError(
            place, found: found,
            accepted: "\(self.isText ? "a text" : "values"), as in the first sequence (\(TableError.text(places[0])))")
    }

    package mutating func note(_ sentence: String) { notes.append(sentence) }
}
