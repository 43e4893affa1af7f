package import ConfigFile
package import Tensors

/// What is learnt: what comes in, what is predicted and where it is scored, how answers are judged, and when the task
/// counts as solved. A new task is a file below Tasks and a line in `TaskTable`.
package protocol SequenceTask: Sendable {
    /// The word of `task`.
    static var name: String { get }
    /// The task's own keys, each with a condition on `task`.
    static var keys: [ConfigKey] { get }
    static var exclusiveKeys: [[String]] { get }
    /// Opens the task's data. Local work that can fail: no collectives inside.
    static func load(_ configuration: Configuration, _ request: DataRequest) throws -> TaskData

    var shape: TaskShape { get }
    /// How many sums `judge` adds to; 0: the loss says all there is.
    var sumCount: Int { get }
    /// Judges the answers to a batch: adds to the sums, and says each sequence's error (what `criterion` is about).
    func judge(_ batch: Batch, _ outputs: ScoredOutputs, sums: inout [Double], sequenceErrors: inout [Float])
    /// What a metrics line shows beside the mean loss, from the sums over a whole split.
    func metrics(loss: Double, sums: [Double]) -> [(name: String, value: Double)]
    /// Whether a validation's sums solve the task; nil: a validation can't.
    func isSolved(validationSums sums: [Double]) -> Bool?
    /// The paper's criterion on the most recent training sequences, if the task has one.
    var criterion: TrainingCriterion? { get }
    /// Whether meeting `criterion` solves the task.
    var isSolvedByCriterion: Bool { get }
}

extension SequenceTask {
    package static var exclusiveKeys: [[String]] { [] }
    package var sumCount: Int { 0 }
    package func judge(_ batch: Batch, _ outputs: ScoredOutputs, sums: inout [Double], sequenceErrors: inout [Float]) {}
    package func isSolved(validationSums sums: [Double]) -> Bool? { nil }
    package var criterion: TrainingCriterion? { nil }
    package var isSolvedByCriterion: Bool { false }

    /// Whether training ends when the task is solved.
    package var canBeSolved: Bool {
        isSolvedByCriterion || isSolved(validationSums: [Double](repeating: 0, count: sumCount)) != nil
    }
}

/// "The last `count` training sequences all have an error below `each`, and their mean is below `mean`": when Hochreiter &
/// Schmidhuber (1997) end a training.
package struct TrainingCriterion: Sendable, Equatable {
    package let count: Int
    package let each: Float
    package let mean: Float
}

/// Which splits of a task's data are wanted, and how they are cut.
package struct DataRequest {
    package enum Split: String, Sendable, CaseIterable { case train, validation, test }

    package var splits: Set<Split>
    /// Global batch of training, and of validation and test.
    package var batch: Int
    package var validationBatch: Int
    package var seed: UInt64
    /// Of a checkpoint; nil: made from the training text.
    package var vocabulary: Vocabulary?
    /// Text that takes the place of the configuration's test split.
    package var testFiles: [String]?

    package init(splits: Set<Split>, batch: Int, validationBatch: Int, seed: UInt64) {
        self.splits = splits
        self.batch = batch
        self.validationBatch = validationBatch
        self.seed = seed
    }
}

/// A task with its data opened.
package struct TaskData {
    package let task: any SequenceTask
    package var training: (any SequenceSource)?
    package var validation: (any SequenceSource)?
    package var test: (any SequenceSource)?
    package var vocabulary: Vocabulary?
    /// The files that were read, by split: their size and checksum tell a resumed run whether the data is the same.
    package var files: [(split: String, paths: [String])] = []
}

/// One split of the data, cut into the steps of a global batch. Any rank can read any rows of any step.
package protocol SequenceSource {
    /// Whether a row goes on in the next step where it ended in the last one.
    var carriesState: Bool { get }
    var stepsPerEpoch: Int { get }
    /// Steps of the longest window, about: what memory is planned for.
    var longestWindow: Int { get }
    /// Rows of a step (from 0) over all ranks: the batch, or less in a last step.
    func rows(inStep step: Int) -> Int
    /// Reads some rows of a step (from 0) of an epoch (from 1) into `batch`.
    mutating func read(_ rows: Range<Int>, step: Int, epoch: Int, into batch: inout Batch) throws
}

extension SequenceSource {
    /// The rows of the steps of each size: of the first step, and of the last.
    package var rowsOfSteps: [Int] { [rows(inStep: 0), rows(inStep: stepsPerEpoch - 1)] }
}
