import ArgumentParser

/// `--tuning`, for the commands that train or measure.
struct TuningOption: ParsableArguments {
    @Option(
        name: .customLong("tuning"),
        help: ArgumentHelp(
            "Kernel sizes from this file, written by bench tune; by default those for this CPU. They change the speed, "
                + "never a result. Same as LSTM_DIST_TUNING.", valueName: "file"))
    var file: String?
}
