package import ConfigFile
package import FileFormats
package import MPI
package import Recurrent
import RunFolder
package import Sequences
package import System
package import Tensors

/// A checkpoint's model with its configuration and its task's artifacts, on every rank: for `evaluate`, `generate`,
/// `export` and `inspect`.
package struct LoadedModel {
    /// The checkpoint's folder.
    package let path: String
    package let configuration: Configuration
    /// The vocabulary of a task on tokens.
    package let vocabulary: Vocabulary?
    package let artifacts: [Artifact]
    package let sizes: NetworkConfiguration
    package let parameters: FloatBlock
    /// Size and checksum of each split's files in the training, by split; on the root only.
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
        let artifacts = try Self.broadcast(checkpoint?.artifacts ?? [], on: communicator)
        let (configuration, vocabulary, sizes) = try communicator.agree {
            let configuration = try Configuration(
                yaml: config, file: "\(path)/state.json", table: ConfigurationTable.all)
            do {
                let data = try TaskTable.load(configuration, Self.request(configuration, artifacts, splits: []))
                return (configuration, data.vocabulary, NetworkConfiguration(configuration, task: data.task.shape))
            } catch let missing as MissingArtifact {
                throw RunFolderError.missingFile(checkpoint: path, file: missing.name)
            }
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
        self.artifacts = artifacts
        self.sizes = sizes
        self.parameters = parameters
        fingerprints = checkpoint?.state.extra["data"]
    }

    /// A network for forward passes.
    package var network: SequenceModel { .forScoring(sizes, parameters) }

    /// The request for the data to score this model on.
    package func request(splits: Set<DataRequest.Split>) -> DataRequest {
        Self.request(configuration, artifacts, splits: splits)
    }

    /// The kind of data that its task reads.
    package var reads: DataKind { TaskTable.task(of: configuration).reads }

    /// The root's artifacts. Collective (MPI_Bcast).
    private static func broadcast(_ artifacts: [Artifact], on communicator: Communicator) throws -> [Artifact] {
        let count = Int(try communicator.broadcast(Int64(artifacts.count), root: 0))
        return try (0..<count).map { index in
            let artifact = communicator.isRoot ? artifacts[index] : Artifact("", "")
            return Artifact(
                try communicator.broadcast(artifact.name, root: 0), try communicator.broadcast(artifact.text, root: 0),
                place: try communicator.broadcast(artifact.place, root: 0))
        }
    }

    private static func request(
        _ configuration: Configuration, _ artifacts: [Artifact], splits: Set<DataRequest.Split>
    ) -> DataRequest {
        var request = TrainingConfiguration(configuration).dataRequest
        request.splits = splits
        request.artifacts = artifacts
        return request
    }
}
