package import JobControl
package import MPI
import Recurrent
import Reduction
import Sequences
import Tensors

/// Writes a model's outputs at each scored time step of its test data, otherwise of its validation data, or of a file,
/// as rows of a CSV file: the same bytes on any number of ranks. Collective.
///
/// A text is read as one stream from its beginning, in the order of the rows; only one rank computes then.
///
/// - Parameter write: called on the root with each piece of the file.
/// - Throws: a `CommandError` as `ScoringData` does; an error of `write` on every rank.
package func predict(
    _ argument: String, input: String?, on communicator: Communicator, _ console: Console,
    write: ([UInt8]) throws -> Void
) throws {
    Job.page.begin(.loading)
    let model = try LoadedModel(argument, on: communicator)
    let data = try ScoringData(
        of: model, file: input, option: "--input", batch: model.reads == .text ? 1 : nil,
        predicts: true, on: communicator, console)
    Job.page.begin(.validation)
    var prediction = Prediction(model, data, communicator)
    try prediction.run(write)
}

/// One pass over the data.
private struct Prediction {
    private let task: any SequenceTask
    private var source: any SequenceSource
    private let communicator: Communicator
    private let network: SequenceModel
    private let state: RecurrentState
    private let workspace: Workspace
    private var batch = Batch()
    private var rows = PredictionRows()

    init(_ model: LoadedModel, _ data: ScoringData, _ communicator: Communicator) {
        task = data.task
        source = data.source
        self.communicator = communicator
        network = model.network
        state = RecurrentState(streams: 0..<source.rows(inStep: 0), for: model.sizes)
        workspace = Workspace(for: model.sizes, keepsOutputs: true)
    }

    mutating func run(_ write: ([UInt8]) throws -> Void) throws {
        rows.add("sequence")
        if task.shape.scores == .steps { rows.add("step") }
        if source.text(ofRow: 0, step: 0, time: 0) != nil, task.shape.scores == .steps { rows.add("token") }
        for column in task.predictionColumns { rows.add(column) }
        rows.endRow()
        if !communicator.isRoot { rows.removeAll() }
        for step in 0..<source.stepsPerEpoch {
            let result = Result { try score(step) }
            try communicator.agree { try result.get() }
            let bytes = try gather()
            try communicator.agree { if communicator.isRoot { try write(bytes) } }
            rows.removeAll()
        }
    }

    /// Adds this rank's rows of a step.
    private mutating func score(_ step: Int) throws {
        let share = Shard.rows(source.rows(inStep: step), part: communicator.rank, of: communicator.size)
        guard !share.isEmpty else { return }
        if !source.carriesState { state.reset() }
        try source.read(share, step: step, epoch: 1, into: &batch)
        _ = network.score(batch, state, workspace)
        let first = source.carriesState ? share.lowerBound : step * source.rows(inStep: 0) + share.lowerBound
        let outputs = workspace.scoredOutputs
        for (index, row) in outputs.rows.enumerated() {
            let (t, b) = Int(row).quotientAndRemainder(dividingBy: batch.sequences)
            rows.add(first + b)
            if task.shape.scores == .steps { rows.add(source.carriesState ? batch.position + t : t) }
            if task.shape.scores == .steps, let text = source.text(ofRow: share.lowerBound + b, step: step, time: t) {
                rows.add(text)
            }
            task.writePrediction(index, outputs, of: batch, to: &rows)
            rows.endRow()
        }
    }

    /// The rows of all ranks, at the root. Collective (MPI_Allgather, MPI_Gatherv).
    private func gather() throws -> [UInt8] {
        let counts = try communicator.allgather(Int64(rows.bytes.count)).map { Int($0) }
        var whole = [UInt8](repeating: 0, count: communicator.isRoot ? counts.reduce(0, +) : 0)
        try rows.bytes.withUnsafeBufferPointer { part in
            try whole.withUnsafeMutableBufferPointer { whole in
                try communicator.gather(part, counts: counts, into: communicator.isRoot ? whole : nil, root: 0)
            }
        }
        return whole
    }
}
