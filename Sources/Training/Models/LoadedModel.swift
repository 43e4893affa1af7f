package import ConfigFile
package import FileFormats
package import MPI
package import Recurrent
import RunFolder
package import Sequences
package import Tensors

/// A checkpoint's model with its configuration and vocabulary, on every rank: for `evaluate`, `generate`, `export` and
/// `inspect`.
package struct LoadedModel {
    /// The checkpoint's folder.
    package let path: String
    package let configuration: Configuration
    package let vocabulary: Vocabulary?
    package let sizes: NetworkConfiguration
    package let parameters: FloatBlock
    /// Size and checksum of each split's files at the training, by split; on the root only.
    package let fingerprints: JSONValue?

    /// Reads a run's best (otherwise latest) checkpoint, or the checkpoint at a path. Collective (MPI_Bcast): only the
    /// root reads, so the folder need not exist on other hosts.
    package init(_ argument: String, on communicator: Communicator) throws {
        let checkpoint = try communicator.agree { () -> Checkpoint? in
            guard communicator.isRoot else { return nil }
            let checkpoint = try RunDirectory.resolve(argument)
            try checkpoint.verify()
            return checkpoint
        }
        let path = try communicator.broadcast(checkpoint?.path ?? "", root: 0)
        let config = try communicator.broadcast(checkpoint?.configText ?? "", root: 0)
        let vocabularyText = try communicator.broadcast(checkpoint?.vocabularyText ?? "", root: 0)
        let (configuration, vocabulary, sizes) = try communicator.agree {
            let configuration = try Configuration(
                yaml: config, file: "\(path)/state.json", table: ConfigurationTable.all)
            let vocabulary =
                vocabularyText.isEmpty
                ? nil : try Vocabulary(json: vocabularyText, path: "\(path)/vocabulary.json")
            // Otherwise a vocabulary would be made from the text that the checkpoint's configuration names.
            if vocabulary == nil, configuration.has("data.train") {
                throw RunFolderError.missingFile(checkpoint: path, file: "vocabulary.json")
            }
            let data = try TaskTable.load(
                configuration, Self.request(configuration, vocabulary, splits: []))
            return (configuration, vocabulary, NetworkConfiguration(configuration, task: data.task.shape))
        }
        let layout = sizes.layout
        try communicator.agree { if let checkpoint { try checkShapes(of: checkpoint.model, layout: layout) } }
        let parameters = FloatBlock(count: layout.count)
        try communicator.agree {
            if let checkpoint { try read(checkpoint.model, into: parameters, layout: layout) }
        }
        try communicator.broadcast(parameters.buffer, root: 0)
        parameters.markChanged()
        self.path = path
        self.configuration = configuration
        self.vocabulary = vocabulary
        self.sizes = sizes
        self.parameters = parameters
        fingerprints = checkpoint?.state.extra["data"]
    }

    /// A network for forward passes.
    package var network: SequenceModel { .forScoring(sizes, parameters) }

    /// The request for the data to score this model on.
    package func request(splits: Set<DataRequest.Split>) -> DataRequest {
        Self.request(configuration, vocabulary, splits: splits)
    }

    private static func request(
        _ configuration: Configuration, _ vocabulary: Vocabulary?, splits: Set<DataRequest.Split>
    ) -> DataRequest {
        var request = TrainingConfiguration(configuration).dataRequest
        request.splits = splits
        request.vocabulary = vocabulary
        return request
    }
}
