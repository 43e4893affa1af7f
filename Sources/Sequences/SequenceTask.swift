package import ConfigFile
package import FileFormats
package import System
package import Tensors

/// A task: its inputs, targets and scored time steps, the evaluation of outputs, and the condition for being solved.
/// A new task is a file in Tasks and a line in `TaskTable`.
package protocol SequenceTask: Sendable {
    /// The value of `task`.
    static var name: String { get }
    /// The kind of data that the task reads, which owns the keys of `data`.
    static var reads: DataKind { get }
    /// The task's further keys, each with a condition on `task`.
    static var keys: [ConfigKey] { get }
    /// Whether a time step's output may depend on later time steps; not if the next one is to be predicted.
    static var mayReadAhead: Bool { get }
    /// Whether a sequence has one output, as its shape says.
    static var scoresSequences: Bool { get }
    /// Whether the input may be tokens.
    static var mayReadTokens: Bool { get }
    /// Whether the classes to predict are the input tokens.
    static var predictsTokens: Bool { get }
    /// Opens the task's data. Local work that can fail: must not call collectives.
    static func load(_ configuration: Configuration, _ request: DataRequest) throws -> TaskData

    var shape: TaskShape { get }
    /// The files that a model of this task needs in addition to its weights: stored in checkpoints, and returned in
    /// `DataRequest.artifacts`.
    var artifacts: [Artifact] { get }
    /// The number of sums that `judge` adds to; 0 if the loss is the only metric.
    var sumCount: Int { get }
    /// Evaluates the outputs of a batch: adds to the sums, and sets each sequence's error (used by `criterion`).
    func judge(_ batch: Batch, _ outputs: ScoredOutputs, sums: inout [Double], sequenceErrors: inout [Float])
    /// The columns of `predict` for a scored time step, after the sequence and, if time steps are scored, the time step.
    var predictionColumns: [String] { get }
    /// Adds the fields of these columns for the scored time step `index` of a batch.
    func writePrediction(_ index: Int, _ outputs: ScoredOutputs, of batch: Batch, to rows: inout PredictionRows)
    /// The metrics in addition to the mean loss, from the sums over a whole split.
    func metrics(loss: Double, sums: [Double]) -> [(name: String, value: Double)]
    /// Whether there are two classes of sequences, so that metrics of their order (`RankMetrics`) are defined: of the
    /// probability of the second class.
    var ranksSequences: Bool { get }
    /// What `evaluate` prints in addition to the metrics, from the sums over a whole split.
    func details(of sums: [Double]) -> [(key: String, value: JSONValue)]
    /// The metrics by which a validation can be the best so far; the first one is that of `validation.best: auto`.
    var bestMetrics: [Metric] { get }
    /// Whether a validation's sums solve the task; nil if validation cannot solve it.
    func isSolved(validationSums sums: [Double]) -> Bool?
    /// The paper's criterion on the most recent training sequences, if the task has one.
    var criterion: TrainingCriterion? { get }
    /// Whether the task is solved when `criterion` is met.
    var isSolvedByCriterion: Bool { get }
}

extension SequenceTask {
    package static var keys: [ConfigKey] { [] }
    package static var mayReadAhead: Bool { false }
    package static var scoresSequences: Bool { false }
    package static var mayReadTokens: Bool { false }
    package static var predictsTokens: Bool { false }
    package var ranksSequences: Bool { false }
    package func details(of sums: [Double]) -> [(key: String, value: JSONValue)] { [] }
    package var bestMetrics: [Metric] { [.loss] }
    package var artifacts: [Artifact] { [] }
    package var sumCount: Int { 0 }
    package func judge(_ batch: Batch, _ outputs: ScoredOutputs, sums: inout [Double], sequenceErrors: inout [Float]) {}
    package func isSolved(validationSums sums: [Double]) -> Bool? { nil }
    package var criterion: TrainingCriterion? { nil }
    package var isSolvedByCriterion: Bool { false }

    /// The names of `metrics`, in their order.
    package var metricNames: [String] {
        metrics(loss: 0, sums: [Double](repeating: 0, count: sumCount)).map(\.name)
            + (ranksSequences ? [Metric.auroc.rawValue, Metric.auprc.rawValue] : [])
    }

    /// Whether training ends when the task is solved.
    package var canBeSolved: Bool {
        isSolvedByCriterion || isSolved(validationSums: [Double](repeating: 0, count: sumCount)) != nil
    }
}

/// "The last `count` training sequences all have an error below `each`, and their mean is below `mean`": the stopping
/// criterion of Hochreiter & Schmidhuber (1997).
package struct TrainingCriterion: Sendable, Equatable {
    package let count: Int
    package let each: Float
    package let mean: Float
}

/// The requested splits of a task's data, and how they are divided into batches.
package struct DataRequest {
    package enum Split: String, Sendable, CaseIterable { case train, validation, test }

    package var splits: Set<Split>
    /// Global batch of training.
    package var batch: Int
    /// Global batch of validation and test.
    package var validationBatch: Int
    package var seed: UInt64
    /// A checkpoint's artifacts; nil: the task makes them from its training data.
    package var artifacts: [Artifact]?
    /// Files that replace the configuration's test split.
    package var testFiles: [String]?
    /// The command-line option of `testFiles`.
    package var testOption = "--data"
    /// Whether a text that is too short for `validationBatch` streams is divided into fewer, down to one.
    package var fitsStreams = false
    /// Whether validation and test keep the order of the files, and a test may lack the targets: to predict them.
    package var keepsOrder = false

    package init(splits: Set<Split>, batch: Int, validationBatch: Int, seed: UInt64) {
        self.splits = splits
        self.batch = batch
        self.validationBatch = validationBatch
        self.seed = seed
    }
}

/// A task with its opened data.
package struct TaskData {
    package let task: any SequenceTask
    package var training: (any SequenceSource)?
    package var validation: (any SequenceSource)?
    package var test: (any SequenceSource)?
    package var vocabulary: Vocabulary?
    /// The files of each split; a resumed run compares their sizes and checksums. A validation that is a fraction of
    /// the training text has that text's files, as `train`.
    package var files: [(split: String, paths: [String])] = []
    /// What a user should know of the data, a sentence each.
    package var notes: [String] = []
}

/// One split of the data, divided into steps of a global batch. Any rank can read any sequences of any step.
package protocol SequenceSource {
    /// Whether sequence i of a step continues sequence i of the previous step.
    var carriesState: Bool { get }
    var stepsPerEpoch: Int { get }
    /// Time steps of the longest window, approximately; used to plan memory.
    var longestWindow: Int { get }
    /// Bytes of the data that it keeps in memory.
    var memoryBytes: Int { get }
    /// Sequences of a step (from 0) over all ranks: the batch, or fewer in the last step.
    func rows(inStep step: Int) -> Int
    /// The token of a row of a step at a time step, as the file has it; nil if it has none.
    func text(ofRow row: Int, step: Int, time: Int) -> String?
    /// Reads a range of the sequences of a step (from 0) of an epoch (from 1) into `batch`.
    mutating func read(_ rows: Range<Int>, step: Int, epoch: Int, into batch: inout Batch) throws
}

extension SequenceSource {
    package func text(ofRow row: Int, step: Int, time: Int) -> String? { nil }
    package var memoryBytes: Int { 0 }

    /// The rows of the steps of each size: of the first step, and of the last.
    package var rowsOfSteps: [Int] { [rows(inStep: 0), rows(inStep: stepsPerEpoch - 1)] }
}

/// A checkpoint lacks a file that its task needs.
package struct MissingArtifact: Error, Equatable {
    package let name: String

    package init(name: String) { self.name = name }
}
