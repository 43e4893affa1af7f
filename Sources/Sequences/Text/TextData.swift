import ConfigFile

/// The keys of tasks that read text as streams.
enum TextData {
    static let keys = [
        ConfigKey(
            "training.window", .integer(1...1_000_000), default: .integer(50),
            "Time steps of truncated backpropagation through time; the state is carried from window to window.")
    ]
}
