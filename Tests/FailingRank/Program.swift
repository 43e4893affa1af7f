// Trains, and on one rank turns over a bit of a parameter on the way, as failing memory would, or makes a carried state or a number
// of the gradient no number.
//
//     mpirun -n 3 FailingRank CONFIG.yaml STEPS [RANK AFTER TENSOR]
//     mpirun -n 3 FailingRank CONFIG.yaml STEPS [RANK AFTER state]
//     mpirun -n 3 FailingRank CONFIG.yaml STEPS [RANK AFTER gradient TENSOR]
//
// Makes STEPS steps; after AFTER of them, RANK's first number of TENSOR changes by its last bit, or the state of its first stream
// becomes NaN, or the first number of its gradient of TENSOR in the next step. Rank 0 prints what is said of steps passed over, then
// "done", and all end with 0 if nobody stops; else rank 0 prints the error and all end with 1.

import ConfigFile
import Foundation
import MPI
import Recurrent
import Reduction
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
                if communicator.isRoot { print(fault.words) }
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
        var assembly = try TrainerBuilder(configuration, on: communicator)
        let isVictim = arguments.count > 4 && Int(arguments[2]) == communicator.rank
        for step in 0..<(Int(arguments[1]) ?? 0) {
            var onGradient: ((Range<Int>) -> Void)?
            if isVictim, Int(arguments[3]) == step {
                switch arguments[4] {
                case "state": assembly.trainer.state.hidden.pointer[0] = .nan
                case "gradient":
                    let place = place(of: arguments[5], in: assembly)
                    let gradients = assembly.trainer.memory.gradients.memory
                    onGradient = { if $0.contains(place) { gradients.pointer[place] = .nan } }
                default: turnOver(place(of: arguments[4], in: assembly), of: assembly.trainer.memory.parameters)
                }
            }
            let summary = try assembly.trainer.step(onGradient: onGradient)
            if let fault = summary.skipped, communicator.isRoot { print("passed over: \(fault.words)") }
            if communicator.isRoot, !summary.loss.isFinite, summary.skipped == nil {
                print("step \(step): \(summary.loss)")
            }
        }
        try assembly.free()
    }

    private static func place(of tensor: String, in assembly: TrainerBuilder) -> Int {
        guard let place = assembly.trainer.network.configuration.layout[tensor]?.offset else {
            Job.abort("no tensor \(tensor)", code: 1)
        }
        return place
    }

    private static func turnOver(_ place: Int, of parameters: FloatBlock) {
        parameters.pointer[place] = Float(bitPattern: parameters.pointer[place].bitPattern ^ 1)
    }
}
