import ConfigFile
import Sequences
import Tensors

/// A configuration of the tasks' keys.
func taskConfiguration(_ yaml: String) throws -> Configuration {
    try Configuration(
        yaml: yaml, file: "test.yaml", table: ConfigTable(keys: TaskTable.keys, exclusive: TaskTable.exclusiveKeys))
}

/// A batch of the given sequences of a task.
func batch(
    of task: any GeneratedTask, sequences: Int, seed: UInt64 = 1, purpose: CounterRandom.Purpose = .validationSequence
) -> Batch {
    var source = GeneratedSource(task, purpose: purpose, seed: seed, batch: sequences, perEpoch: sequences)
    var batch = Batch()
    source.read(0..<sequences, step: 0, epoch: 1, into: &batch)
    return batch
}

/// A task's evaluation of given outputs of a batch.
struct Evaluation: Equatable {
    var sums: [Double]
    var errors: [Float]

    /// - Parameter output: the output at a scored row (t B + b) of the batch.
    init(_ task: any SequenceTask, _ batch: Batch, sums: [Double]? = nil, output: (_ row: Int) -> [Float]) {
        let rows = batch.targets.indices.filter { batch.targets[$0] != Batch.unscored }
        let values = rows.flatMap(output)
        var sums = sums ?? [Double](repeating: 0, count: task.sumCount)
        var errors = [Float](repeating: -1, count: batch.sequences)
        values.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            let outputs = ScoredOutputs(
                rows: rows.map { Int32($0) }, values: start, width: task.shape.output.width)
            task.judge(batch, outputs, sums: &sums, sequenceErrors: &errors)
        }
        self.sums = sums
        self.errors = errors
    }
}

extension Batch {
    /// The index of the 1 among a row's features.
    func hot(_ row: Int, width: Int) -> Int {
        features[row * width..<(row + 1) * width].firstIndex(of: 1).map { $0 - row * width } ?? -1
    }

    /// Whether sequence `b` equals the other batch's `otherB` in all properties, apart from padding of the longer
    /// window.
    func row(_ b: Int, equals other: Batch, _ otherB: Int, features width: Int) -> Bool {
        func step(_ batch: Batch, _ t: Int, _ b: Int) -> ([Float], Int32, [Float]) {
            guard t < batch.window else { return ([Float](repeating: 0, count: width), Batch.unscored, []) }
            let row = t * batch.sequences + b
            let target = batch.targets[row]
            let values = batch.targetValues.count / max(1, batch.window * batch.sequences)
            return (
                Array(batch.features[row * width..<(row + 1) * width]), target,
                target == Batch.unscored ? [] : Array(batch.targetValues[row * values..<(row + 1) * values])
            )
        }
        return (0..<max(window, other.window)).allSatisfy { step(self, $0, b) == step(other, $0, otherB) }
    }
}
