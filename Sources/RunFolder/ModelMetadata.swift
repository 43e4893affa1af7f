import FileFormats
import System

extension [Artifact] {
    /// The metadata of a weights file: PyTorch's format, and the SHA-256 of each artifact that belongs to the weights,
    /// such as `vocabulary_sha256`, so that weights alone can be matched with artifacts.
    package var modelMetadata: [String: String] {
        var metadata = ["format": "pt"]
        for artifact in self { metadata[Self.metadataKey(artifact.name)] = Checksum.sha256(of: artifact.text) }
        return metadata
    }

    /// The key of an artifact's checksum.
    package static func metadataKey(_ name: String) -> String { "\(name.prefix { $0 != "." })_sha256" }
}
