import ArgumentParser
import FileFormats
import JobControl
import MPI
import Training

/// `lstm-dist doctor`
struct DoctorCommand: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Describes this launch and warns of known problems, with their solutions.",
        discussion: """
            EXAMPLES
              mpirun -n 4 lstm-dist doctor
              srun --mpi=pmix -n 8 lstm-dist doctor --json
              mpirun -n 2 --map-by slot:pe=8 lstm-dist doctor --threads-per-rank 8
            """)

    @Flag(help: "Print one JSON object instead of text.")
    var json = false
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var tuning: TuningOption
    @OptionGroup var verbosity: Verbosity

    var diagnosesLaunches: Bool { true }

    var tuningFile: String? { tuning.file }

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        Job.page.begin(.work)
        let diagnosis = try Doctor(
            communicator, announced: Launcher.announced, threads: threads.perRank,
            tuning: (TuningChoice.json, TuningChoice.text))
        if json { return console.result(diagnosis.json.text) }
        for line in diagnosis.lines { console.result(line) }
    }
}
