import FileFormats
package import System

extension [Artifact] {
    /// The metadata of a file of weights that belong to these artifacts: PyTorch's format, and each one's SHA-256, such as
    /// `vocabulary_sha256`, so that weights without their artifacts can be compared with them.
    package var modelMetadata: [String: String] {
        var metadata = ["format": "pt"]
        for artifact in self { metadata[Self.metadataKey(artifact.name)] = Checksum.sha256(of: artifact.text) }
        return metadata
    }

    /// The key of an artifact's checksum.
    package static func metadataKey(_ name: String) -> String { "\(name.prefix { $0 != "." })_sha256" }
}
