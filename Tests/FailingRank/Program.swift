// Trains, and on one rank turns over a bit of a parameter on the way, as failing memory would.
//
//     mpirun -n 3 FailingRank CONFIG.yaml STEPS [RANK AFTER TENSOR]
//
// Makes STEPS steps; after AFTER of them, RANK's first number of TENSOR changes by its last bit. Prints "done" and ends with 0
// if nobody notices; else rank 0 prints the error and all end with 1.

import ConfigFile
import Foundation
import MPI
import Recurrent
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
            } catch let error as TrainingError where error.isEverywhere {
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
        let configuration = try Configuration(yaml: yaml, file: arguments[0], table: Options.table)
        var assembly = try Assembly(configuration, on: communicator)
        for step in 0..<(Int(arguments[1]) ?? 0) {
            if arguments.count == 5, Int(arguments[2]) == communicator.rank, Int(arguments[3]) == step {
                damage(assembly, arguments[4])
            }
            _ = try assembly.trainer.step()
        }
        try assembly.free()
    }

    private static func damage(_ assembly: Assembly, _ tensor: String) {
        let parameters = assembly.trainer.memory.parameters
        guard let place = assembly.trainer.network.configuration.layout[tensor]?.offset else {
            Job.abort("no tensor \(tensor)", code: 1)
        }
        parameters.pointer[place] = Float(bitPattern: parameters.pointer[place].bitPattern ^ 1)
    }
}
