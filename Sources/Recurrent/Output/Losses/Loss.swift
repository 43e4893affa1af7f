import Kernels
package import Tensors

/// The loss of an output layer, with what it makes of the layer's products: logits become probabilities, values get
/// their bias.
///
/// A loss works on panels of scored steps (`OutputPanel`), whose rows come in blocks, so that a block is worked through
/// while it is in the cache. Its loops are compiled for each loss (`LinearHead`, `NarrowHead`). A new loss is one file
/// in this folder and one line in `LossTable`.
package protocol Loss: Sendable {
    /// Its name, by which a task asks for it (`TaskShape.loss`).
    static var name: String { get }
    /// W: outputs of a scored step.
    var width: Int { get }

    /// - Returns: nil where a task's targets are of another kind.
    init?(_ task: TaskShape)
    /// The tensors of the loss itself.
    var parameters: [ParameterSpec] { get }

    /// Floats of `OutputPanel.memory` for a panel.
    func memoryCount(columns: Int, blocks: Int) -> Int

    /// Products W h, without the bias, become raw outputs. Called for each block of rows, in order.
    func forward(_ panel: OutputPanel, rows: Range<Int>, block: Int)
    /// After the last block: the loss of a column. A non-finite output makes it non-finite.
    func value(_ panel: OutputPanel, column: Int) -> Double
    /// After the last block: the factors that turn each column's raw outputs into outputs, and their raw gradients into
    /// gradients; `panel.pitch` floats. The other side of a product may be multiplied instead, where it is shorter.
    func setFactors(of panel: OutputPanel, _ factors: UnsafeMutablePointer<Float>)
    /// After the last block, once for each block: gives all blocks' raw outputs the same factors.
    func level(_ panel: OutputPanel, rows: Range<Int>, block: Int)
    /// After `level`: raw outputs become the gradients of the losses with respect to the products, but for the factors.
    func makeGradient(_ panel: OutputPanel, rows: Range<Int>)
    /// Outputs of one column, `panel.pitch` floats apart, become the gradients of its loss with respect to the
    /// products.
    func makeGradient(ofOutputs outputs: UnsafeMutablePointer<Float>, _ panel: OutputPanel, column: Int)

    /// The work of an output layer on a batch, compiled for this loss: not to be implemented by a loss.
    func run(_ pass: OutputPass, losses: inout [Double], _ chunks: OutputChunks)
}

extension Loss {
    package var parameters: [ParameterSpec] { [] }
    package func level(_ panel: OutputPanel, rows: Range<Int>, block: Int) {}

    package func run(_ pass: OutputPass, losses: inout [Double], _ chunks: OutputChunks) {
        if width <= Tuning.narrowWidth {
            NarrowHead(self, pass, chunks).run(losses: &losses)
        } else {
            LinearHead(loss: self, pass: pass, chunks: chunks).run(losses: &losses)
        }
    }
}

/// All losses; the first one for a kind of targets is that kind's default.
package enum LossTable {
    package static let all: [any Loss.Type] = [
        SoftmaxCrossEntropy.self, SquaredError.self, ConditionalRandomField.self,
    ]

    /// The loss of a task.
    package static func loss(for task: TaskShape) -> any Loss {
        for type in all where task.loss ?? type.name == type.name {
            if let loss = type.init(task) { return loss }
        }
        preconditionFailure("no loss '\(task.loss ?? "default")' for \(task.output)")
    }
}

/// The outputs of neighbouring scored steps, one a column, and the targets of these steps.
///
/// Legend: S scored steps of the batch, W outputs of a step, T window, B sequences.
package struct OutputPanel {
    /// `[W, pitch]`: products, raw outputs, or gradients.
    let values: UnsafeMutablePointer<Float>
    /// At most a tile's.
    let columns: Int
    /// `columns`, rounded up to whole vectors.
    let pitch: Int
    /// `[W]`
    let bias: UnsafePointer<Float>
    /// `Loss.memoryCount` floats, the panel's own from its first block to its last use.
    let memory: UnsafeMutablePointer<Float>
    /// Blocks that the W rows come in.
    let blocks: Int
    let targets: Targets
    /// Which of the S scored steps column 0 is.
    let firstStep: Int

    /// Products become values: adds the bias to some rows.
    func addBias(_ rows: Range<Int>) {
        for row in rows {
            for x in stride(from: 0, to: pitch, by: Vector.lanes) {
                let place = values + (row * pitch + x)
                (Vector(at: place) + bias[row]).store(to: place)
            }
        }
    }

    /// A column's place t B + b in the batch.
    func place(_ column: Int) -> Int { Int(targets.places[firstStep + column]) }

    /// The class of each column.
    var classes: UnsafePointer<Int32> { targets.classes.baseAddress! + firstStep }  // a panel has a column
}

/// The targets at the scored steps of a batch: pointers, valid within `ScoredSteps.withTargets`.
package struct Targets {
    /// `[S]`: the place t B + b of each scored step in the batch.
    let places: UnsafeBufferPointer<Int32>
    /// `[S]`: its class.
    let classes: UnsafeBufferPointer<Int32>
    /// `[T B, W]`: the values to predict; empty for a task of classes.
    let values: UnsafeBufferPointer<Float>
    /// B.
    let sequences: Int
}
