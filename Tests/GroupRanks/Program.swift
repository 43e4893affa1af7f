// Two groups of ranks, each with a separate run folder and watched by the hang guard.
//
//     mpirun -n 4 GroupRanks SECONDS TIMEOUT
//
// Ranks 2 and 3 exchange sums for SECONDS; ranks 0 and 1 wait for them. In the current folder, rank 2 makes the file
// "working" when it begins. Rank 0 prints "done", and all exit with 0, unless the guard ends the job.

import FileFormats
import Foundation
import JobControl
import MPI
import RunFolder
import System

@main
enum Program {
    static func main() {
        do {
            let job = try Job.start()
            let words = CommandLine.arguments.dropFirst().compactMap { Double($0) }
            let hangGuard = HangGuard(rank: job.rank, of: job.size, timeout: words[1])
            try hangGuard.introduce(on: job)
            let number = job.rank / 2
            guard let group = try job.split(color: number, key: job.rank) else { return }
            let run = RunDirectory(path: "group-\(number)")
            if group.isRoot {
                try FileManager.default.createDirectory(atPath: run.path, withIntermediateDirectories: true)
                try run.write(environment: ["group": .integer(number)])
            }
            try group.barrier()
            try hangGuard.use(run, on: group)
            if number == 1 { try work(on: group, seconds: words[0]) }
            try Job.page.during(.betweenGroups) { try job.barrier() }
            hangGuard.end()
            if job.isRoot { print("done") }
            Job.finish()
        } catch {
            Job.abort("\(error)", code: 1)
        }
    }

    private static func work(on group: Communicator, seconds: Double) throws {
        Job.page.begin(.training)
        if group.isRoot { _ = FileManager.default.createFile(atPath: "working", contents: nil) }
        let end = secondsNow() + seconds
        var steps = 0
        while try group.allreduce(Int64(secondsNow() < end ? 1 : 0), .minimum) == 1 {
            steps += 1
            Job.page.note(steps: steps)
            usleep(1000)
        }
    }
}
