// Counts what training steps take from the heap: the project's own code and Swift's runtime, not MPI.
//
//     mpirun -n 2 StepAllocations CONFIG.yaml [--threads K] [--where]
//
// Prints a line for each rank: how many allocations there were in the counted steps, after a few that may allocate. --where
// also says where the first of them came from. Exit: 0 whatever they are, 1 where a step fails.

import CAllocationCounter
import ConfigFile
import Foundation
import MPI
import Training

/// Enough that every kind of step has been there once: at the first the Swift runtime makes types.
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
