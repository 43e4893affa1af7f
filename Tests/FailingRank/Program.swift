// Trains, and on one rank flips a bit of a parameter, as failing memory would, or sets a carried state to NaN or a target
// so far from any output that the gradient overflows and the loss does not.
//
//     mpirun -n 3 FailingRank CONFIG.yaml STEPS [RANK AFTER TENSOR]
//     mpirun -n 3 FailingRank CONFIG.yaml STEPS [RANK AFTER state]
//     mpirun -n 3 FailingRank CONFIG.yaml STEPS [RANK AFTER target]
//
// Makes STEPS steps. After AFTER of them, the last bit of the first value of TENSOR changes on RANK, or the state of
// its first stream becomes NaN, or its first target of the next step becomes 3e38. Rank 0 prints a line for each skipped
// update, then "done", and all ranks exit with 0; if training fails, rank 0 prints the error and all exit with 1.

import ConfigFile
import Foundation
import MPI
import Recurrent
import Reduction
import Sequences
import System
import Tensors
import Training

@main
enum Program {
    static func main() {
        do {
            let communicator = try Job.start()
            do {
                try train(on: communicator, Array(CommandLine.arguments.dropFirst()))
                if communicator.isRoot { print("done") }
                Job.finish()
            } catch let fault as NonFiniteStep {
                if communicator.isRoot { print(fault.description) }
                Job.finish()
                exit(1)
            } catch let error as CommandError where error.isEverywhere {
                if communicator.isRoot { print(error.description) }
                Job.finish()
                exit(1)
            }
        } catch {
            Job.abort("\(error)", code: 1)
        }
    }

    private static func train(on communicator: Communicator, _ arguments: [String]) throws {
        let yaml = try String(contentsOfFile: arguments[0], encoding: .utf8)
        let configuration = try Configuration(yaml: yaml, file: arguments[0], table: ConfigurationTable.all)
        let isVictim = arguments.count > 4 && Int(arguments[2]) == communicator.rank
        let after = isVictim ? Int(arguments[3]) : nil
        let data = try TaskTable.load(configuration, TrainingConfiguration(configuration).dataRequest)
        guard let source = data.training else { Job.abort("no training data", code: 1) }
        let hosts = try Hosts(communicator)
        var trainer = try Trainer(
            communicator, hosts, configuration, task: data.task,
            source: FarTarget(source: source, step: isVictim && arguments[4] == "target" ? after : nil))
        for step in 0..<(Int(arguments[1]) ?? 0) {
            if step == after {
                switch arguments[4] {
                case "state": trainer.state.hidden.pointer[0] = .nan
                case "target": break
                default: flipBit(offset(of: arguments[4], in: trainer), of: trainer.memory.parameters)
                }
            }
            let summary = try trainer.step()
            if let fault = summary.skipped, communicator.isRoot { print("update skipped: \(fault.description)") }
            if communicator.isRoot, !summary.loss.isFinite, summary.skipped == nil {
                print("step \(step): \(summary.loss)")
            }
        }
        try trainer.memory.free()
        try hosts.free()
    }

    private static func offset(of tensor: String, in trainer: Trainer) -> Int {
        guard let offset = trainer.network.configuration.layout[tensor]?.offset else {
            Job.abort("no tensor \(tensor)", code: 1)
        }
        return offset
    }

    private static func flipBit(_ offset: Int, of parameters: FloatBlock) {
        parameters.pointer[offset] = Float(bitPattern: parameters.pointer[offset].bitPattern ^ 1)
    }
}

/// A source whose first target of one step is far from any output: its square is finite in Double, and the gradient is
/// not in Float.
private struct FarTarget: SequenceSource {
    var source: any SequenceSource
    /// nil: no step.
    let step: Int?

    var carriesState: Bool { source.carriesState }
    var stepsPerEpoch: Int { source.stepsPerEpoch }
    var longestWindow: Int { source.longestWindow }
    func rows(inStep step: Int) -> Int { source.rows(inStep: step) }

    mutating func read(_ rows: Range<Int>, step: Int, epoch: Int, into batch: inout Batch) throws {
        try source.read(rows, step: step, epoch: epoch, into: &batch)
        guard step == self.step, epoch == 1, let place = batch.targets.firstIndex(where: { $0 != Batch.unscored })
        else {
            return
        }
        batch.targetValues[place] = 3e38
    }
}
