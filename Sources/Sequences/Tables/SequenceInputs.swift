package import System
package import Tensors

/// How sequences become a model's inputs, by the training data: values as features, texts as tokens.
package enum SequenceInputs {
    case features(SeriesFeatures)
    case tokens(Vocabulary)

    /// The input of a model that reads them.
    package var shape: TaskShape.Input {
        switch self {
        case .features(let features): .features(features.width)
        case .tokens(let vocabulary): .tokens(vocabulary: vocabulary.count)
        }
    }

    package var artifact: Artifact {
        switch self {
        case .features(let features): features.artifact
        case .tokens(let vocabulary): vocabulary.artifact
        }
    }

    /// Those of a trained model; nil: the artifacts have none.
    init?(_ artifacts: [Artifact]) throws {
        if let scaling = artifacts.named(SeriesFeatures.name) {
            self = .features(try SeriesFeatures(scaling))
        } else if let vocabulary = artifacts.named(Vocabulary.artifactName) {
            self = .tokens(try Vocabulary(vocabulary))
        } else {
            return nil
        }
    }

    /// Refuses a table of other contents than the training data's.
    func check(_ table: SequenceTable) throws(TableError) {
        switch self {
        case .features(let features):
            guard table.isText || table.channels != features.channelCount else { return }
            throw TableError(
                table.places[0], found: table.isText ? "a text" : counted(table.channels, "channel"),
                accepted: table.isText
                    ? "values, as in the training data" : "\(features.channelCount), as in the training data")
        case .tokens:
            guard !table.isText else { return }
            throw TableError(table.places[0], found: "values", accepted: "a text, as in the training data")
        }
    }
}
