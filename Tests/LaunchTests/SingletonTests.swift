// Processes that a launcher has started together and that MPI treats as jobs of one rank each.

import Foundation
import LaunchSupport
import Testing

extension CommandLineTests {
    @Suite("ranks that don't know of each other")
    struct SingletonTests {
        private static let step = ["SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "4"]

        @Test(
            "are refused before anything is written",
            arguments: [
                (["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "0"], "OMPI_COMM_WORLD_SIZE is 4"),
                (["PMI_SIZE": "4", "PMI_RANK": "0"], "PMI_SIZE is 4"),
                (["MPI_LOCALNRANKS": "4", "MPI_LOCALRANKID": "0"], "MPI_LOCALNRANKS is 4"),
                (step, "SLURM_STEP_NUM_TASKS is 4"),
            ])
        func refused(environment: [String: String], found: String) async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist("train", "small.yaml", "--run", "run", environment: environment)
            #expect(
                run.errors == """
                    lstm-dist: \(found), so a launcher has started several processes, but MPI sees one rank: each would do \
                    all the work alone, in the same run folder. Either the launcher belongs to another MPI than this program, or \
                    srun was started without --mpi=pmix; use the mpirun of this program's MPI (lstm-dist doctor names it), or srun --mpi=pmix

                    """)
            #expect(run.output == "")
            #expect(run.exitCode == 2)
            #expect(!folder.has("run"))
        }

        @Test("a rank other than the first prints no message")
        func others() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", environment: ["PMI_SIZE": "4", "PMI_RANK": "2"])
            #expect(run.errors == "")
            #expect(run.exitCode == 2)
            #expect(!folder.has("run"))
        }

        @Test(
            "one process in a batch script, and one of a launcher inside a job step, are complete jobs",
            arguments: [
                ["SLURM_NTASKS": "4", "SLURM_JOB_ID": "17", "SLURM_PROCID": "0"],
                step.merging(["SLURM_STEP_NUM_TASKS": "1"]) { $1 },
                step.merging(["OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"]) { $1 },
                // A shell of srun --pty, in which Open MPI would look for Slurm's PMI.
                step.merging(["SLURM_PTY_PORT": "40000", "SLURM_STEPID": "0", "SLURM_NODELIST": "n1"]) { $1 },
            ])
        func accepted(environment: [String: String]) async throws {
            let folder = try TestFolder.withText()
            try await folder.train(
                "small.yaml", into: "run", set: ["training.steps=1"],
                environment: environment.merging(MPIRun.usualWaits) { $1 })
        }
    }
}
