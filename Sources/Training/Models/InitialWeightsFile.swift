import FileFormats
import Foundation
import RunFolder
package import Sequences
import System
package import Tensors

/// Reads initial weights from a file (`--init-from`), and the checksum of the vocabulary that they belong to.
package enum InitialWeightsFile {
    /// The key of a file's metadata: the SHA-256 of the vocabulary as JSON (vocabulary.json).
    private static let vocabularyKey = [Artifact].metadataKey("vocabulary.json")

    /// Fills a block with the given layout.
    ///
    /// - Throws: a `CommandError` if the file has other tensors, non-finite weights, or the weights of another
    ///   vocabulary. The vocabulary's checksum is in the file's metadata, or, for a checkpoint of an older version,
    ///   computed from the vocabulary next to the file; for a foreign file it is unknown and not compared.
    package static func read(_ path: String, into block: FloatBlock, layout: TensorLayout, vocabulary: Vocabulary?)
        throws
    {
        let file = try SafetensorsFile(path)
        if let vocabulary, let trained = try vocabularyChecksum(of: file),
            trained != Checksum.sha256(of: vocabulary.json)
        {
            throw CommandError.usage(
                "\(shownPath(path)): these weights were trained with another vocabulary than that of data.train, which "
                    + "gives their tokens other meanings; use weights of a training whose text has the same tokens"
            )
        }
        try Training.read(file, into: block, layout: layout)
        for tensor in layout.tensors {
            let weights = block[tensor.range]
            guard let index = weights.firstIndex(where: { !$0.isFinite }) else { continue }
            throw CommandError.usage(
                "\(shownPath(path)): tensor \(tensor.name) has the value \(weights[index]) at element \(index); accepted: "
                    + "finite weights")
        }
    }

    private static func vocabularyChecksum(of file: SafetensorsFile) throws -> String? {
        if let checksum = file.metadata[vocabularyKey] { return checksum }
        let model = URL(fileURLWithPath: file.path)
        let folder = model.deletingLastPathComponent().path
        let isOfCheckpoint =
            model.lastPathComponent == "model.safetensors"
            && ["state.json", "vocabulary.json"].allSatisfy { FolderCalls.isFile("\(folder)/\($0)") }
        return isOfCheckpoint ? try Checksum.sha256(ofFile: "\(folder)/vocabulary.json") : nil
    }
}
