/// A text file that belongs to a trained model in addition to its weights, such as a vocabulary. A task makes it from
/// its data, checkpoints store it with a checksum, and loading a model returns it to the task.
package struct Artifact: Sendable, Equatable {
    /// The file's name.
    package let name: String
    package let text: String
    /// The path it was read from, for messages; the name if it was not read from a file.
    package let place: String

    package init(_ name: String, _ text: String, place: String? = nil) {
        self.name = name
        self.text = text
        self.place = place ?? name
    }
}

extension [Artifact] {
    /// The file of a name; nil: there is none.
    package func named(_ name: String) -> Artifact? { first { $0.name == name } }
}
