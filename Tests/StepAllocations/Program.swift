// Counts the heap allocations of training steps: those of the project's own code and of Swift's runtime, not those of
// MPI.
//
//     mpirun -n 2 StepAllocations CONFIG.yaml [--threads K] [--where]
//
// Prints a line for each rank: the number of allocations in the counted steps, after a few steps that may allocate.
// --where also prints where the first of them came from. Exit code: 0 for any number, 1 if a step fails.

import CAllocationCounter
import ConfigFile
import Foundation
import MPI
import Training

/// Enough steps for every kind of step to have occurred once: at its first occurrence the Swift runtime creates types.
private let warmUp = 60
private let counted = 100

@main
enum Program {
    static func main() {
        do {
            let communicator = try Job.start()
            let counts = try communicator.allgather(Int64(try count(communicator)))
            for (rank, count) in counts.enumerated() where communicator.isRoot {
                print("rank \(rank): \(count) allocations in \(counted) steps")
            }
            Job.finish()
        } catch {
            Job.abort("\(error)", code: 1)
        }
    }

    private static func count(_ communicator: Communicator) throws -> Int {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let threads = arguments.firstIndex(of: "--threads").flatMap { Int(arguments[$0 + 1]) } ?? 1
        let yaml = try String(contentsOfFile: arguments[0], encoding: .utf8)
        let configuration = try Configuration(yaml: yaml, file: arguments[0], table: ConfigurationTable.all)
        var assembly = try TrainerBuilder(configuration, on: communicator, threads: threads)
        for _ in 0..<warmUp { _ = try assembly.trainer.step() }
        allocation_count_begin()
        for _ in 0..<counted { _ = try assembly.trainer.step() }
        let count = Int(allocation_count_end())
        if arguments.contains("--where") { allocation_print_places() }
        try assembly.free()
        return count
    }
}
