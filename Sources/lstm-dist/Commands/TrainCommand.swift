import ArgumentParser
import ConfigFile
import FileFormats
import JobControl
import MPI
import System
import Training

/// `lstm-dist train`
struct TrainCommand: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Trains a model; rank 0 writes the run folder.",
        discussion: """
            An interrupted run resumes from its newest complete checkpoint, with the bits of an uninterrupted one; a complete \
            run prints its results again. `lstm-dist config show` explains every key.

            SIGUSR1, SIGUSR2, SIGXCPU, SIGURG, SIGTERM, SIGHUP (unless nohup ignores it) and SIGINT stop the training: it \
            finishes the step, writes a checkpoint and exits with 75. lstm-dist stop, --max-time, --stop-at and a Slurm job's time limit do the same.

            EXAMPLES
              mpirun -n 2 lstm-dist train configs/reber.yaml
              mpirun -n 4 lstm-dist train configs/text.yaml --set model.hidden=256
              mpirun -n 4 lstm-dist train configs/text.yaml --dry-run
              lstm-dist train configs/text.yaml --init-from pretrained.safetensors
              mpirun -n 2 --map-by slot:pe=8 lstm-dist train configs/text.yaml --threads-per-rank 8
            """)

    @Argument(help: "The configuration, a YAML file; - reads standard input. Without one: the embedded default.")
    var config: String?
    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key.", valueName: "key.path=value"))
    var overrides: [String] = []
    @Option(help: "The run folder (default: runs/ and the configuration's name).")
    var run: String?
    @Option(help: ArgumentHelp("Resume from a checkpoint: auto (the newest complete one, if any), never, or a path."))
    var resume = "auto"
    @Flag(help: "Empty the run folder and start from the beginning.")
    var overwrite = false
    @Option(name: .customLong("init-from"), help: "Initialise the weights from a safetensors file.")
    var initFrom: String?
    @Flag(help: "Check everything, describe the training, and exit before the first step.")
    var dryRun = false
    @OptionGroup var stopping: StopOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var tuning: TuningOption
    @OptionGroup var verbosity: Verbosity

    func validate() throws {
        if run == nil, let config, ConfigSource.isNameless(config) {
            let reason = config == "-" ? "" : ", which is not a file with a name"
            throw ValidationError("--run is needed when the configuration is \(config)\(reason)")
        }
        if run == "" { throw ValidationError("--run is empty; accepted: a folder's path") }
        if overwrite && resume != "auto" && resume != "never" {
            throw ValidationError("--overwrite starts over and excludes --resume \(resume)")
        }
    }

    /// This command line without the options that would start over.
    private var resumeCommand: String {
        var words = ["lstm-dist", "train"] + (config.map { [$0] } ?? [])
        for override in overrides { words += ["--set", override] }
        // As one word if it would otherwise be parsed as an option.
        if let run { words += run.hasPrefix("-") ? ["--run=\(run)"] : ["--run", run] }
        words += stopping.resumeOptions
        if threads.perRank > 1 { words += ["--threads-per-rank", "\(threads.perRank)"] }
        return words.map(shellWord).joined(separator: " ")
    }

    var waitTimeout: Double { TrainingConfiguration.waitTimeout(in: overrides) }

    var tuningFile: String? { tuning.file }

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        let text = try communicator.broadcast(
            communicator.agree { communicator.isRoot ? try ConfigSource.text(config) : nil }, root: 0)
        let end = try TrainingSession(
            configText: text, file: ConfigSource.name(config), overrides: overrides,
            run: run ?? ConfigSource.defaultRun(config), resume: TrainingSession.Resume(resume), overwrites: overwrite,
            initialWeights: initFrom, isDryRun: dryRun, threads: threads.perRank, times: stopping.times,
            savesOnUser1: stopping.onUser1 == .save, command: resumeCommand
        ).carryOut(on: communicator, console, watchedBy: hangGuard)
        try stopping.end(end)
    }
}
