import ConfigFile
package import FileFormats
package import JobControl
package import MPI
import Sequences
import System

/// Scores a checkpoint on its test data, otherwise on its validation data, or on another file. Returns the object that
/// `evaluate` prints. Collective.
///
/// - Throws: a `CommandError` if the validation data is a fraction of training data that has changed since the
///   training: its end may have been trained on; also if the memory is insufficient.
package func evaluate(
    _ argument: String, data: String?, on communicator: Communicator, _ console: Console
) throws -> JSONValue {
    Job.page.begin(.loading)
    let model = try LoadedModel(argument, on: communicator)
    let scored = try ScoringData(of: model, file: data, option: "--data", on: communicator, console)
    let source = scored.source
    let (streams, batch) = (source.rows(inStep: 0), model.request(splits: []).validationBatch)
    if source.carriesState, streams < batch {
        console.warning(
            "the text is too short for validation.batch \(batch): it is scored in \(counted(streams, "stream")), and the "
                + "loss depends on their number")
    }
    Job.page.begin(.validation)
    let scorer = Evaluator(communicator, task: scored.task, source: source, for: model.sizes, rootOnly: false)
    let score = try scorer.score(model.network)
    return .object(
        [
            ("checkpoint", .string(model.path)), ("split", .string(scored.split)), ("loss", .float(Float(score.loss))),
            ("tokens", .integer(score.scored)),
        ] + score.metrics.map { ($0.name, .float(Float($0.value))) } + scored.task.details(of: score.sums))
}
