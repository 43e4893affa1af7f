import ConfigFile
import Recurrent
import Sequences
import System
import Tensors

/// Generates text with a language model: the prompt, then one token at a time, each drawn from the model's predicted
/// distribution.
package struct Generation {
    private let network: SequenceModel
    private let vocabulary: Vocabulary
    private let state: RecurrentState
    private let workspace: Workspace
    private let shape: TaskShape

    /// - Throws: a `CommandError` if the model is not a language model.
    package init(_ model: LoadedModel) throws {
        guard model.reads == .text, let vocabulary = model.vocabulary else {
            throw CommandError.usage(
                "\(model.path): a model of task \(model.configuration.text("task")) does not generate text; accepted: a "
                    + "checkpoint of a language model")
        }
        self.vocabulary = vocabulary
        network = model.network
        state = RecurrentState(streams: 0..<1, for: model.sizes)
        workspace = Workspace(for: model.sizes, keepsOutputs: true)
        shape = model.sizes.task
    }

    /// Passes the prompt's bytes and then those of `length` drawn tokens to `write`, one token at a time.
    package func write(
        prompt: String, length: Int, temperature: Float, topK: Int?, seed: UInt64, to write: ([UInt8]) throws -> Void
    ) throws {
        let given = try vocabulary.encode(prompt: prompt)
        var sampling = Sampling(temperature: temperature, topK: topK, seed: seed)
        state.reset()
        var ids = given
        var written = vocabulary.decode(ids)
        try write(written)
        var batch = Batch()
        var unread = given.isEmpty ? [beginning] : given
        for _ in 0..<length {
            batch.reshape(window: unread.count, sequences: 1, for: shape)
            for (t, token) in unread.enumerated() { batch.tokens[t] = token }
            batch.targets[unread.count - 1] = 0  // any class: only the probabilities of this step are used
            _ = network.score(batch, state, workspace)
            let token = Int32(sampling.draw(from: workspace.scoredOutputs[0]))
            unread = [token]
            // The separator of two words depends on both, so the last two tokens are decoded together.
            ids = ids.suffix(1) + [token]
            let before = ids.count > 1 ? vocabulary.decode(ids.prefix(1)) : []
            written = vocabulary.decode(ids)
            try write(Array(written.dropFirst(before.count)))
        }
    }

    /// The token before the first one if there is no prompt: the end of a line, if the vocabulary has it.
    private var beginning: Int32 { (try? vocabulary.encode(prompt: "\n"))?.first ?? 0 }
}
