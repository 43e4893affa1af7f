import ArgumentParser
import ConfigFile
import RunFolder
import System
import Training

/// `lstm-dist config`
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Shows or checks a configuration; needs no MPI.",
        discussion: """
            EXAMPLES
              lstm-dist config show configs/text.yaml
              lstm-dist config check configs/text.yaml
              lstm-dist config keys
            """,
        subcommands: [Show.self, Check.self, Keys.self])

    /// The arguments of `show` and `check`.
    struct Source: ParsableArguments {
        @Argument(help: "The configuration, a YAML file; - reads standard input. Without one: the embedded default.")
        var config: String?
        @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key.", valueName: "key.path=value"))
        var overrides: [String] = []

        func read() throws -> Configuration {
            try Configuration(
                yaml: ConfigSource.text(config), file: ConfigSource.name(config), overrides: overrides,
                table: ConfigurationTable.all)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Prints every key with its value, origin and meaning, as YAML.",
            discussion: """
                EXAMPLES
                  lstm-dist config show configs/text.yaml
                  lstm-dist config show configs/text.yaml --set training.batch=64
                """)
        @OptionGroup var source: Source

        func run() throws { try StandardOutput.print(source.read().annotatedYAML, terminator: "") }
    }

    struct Keys: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "keys",
            abstract: "Prints all keys of all tasks as a table in Markdown: values, default, rule on resume, meaning.",
            discussion: """
                EXAMPLES
                  lstm-dist config keys
                """)

        func run() throws { try StandardOutput.print(ConfigurationTable.all.reference, terminator: "") }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Checks everything that needs no training: keys, data, batch, memory, disk, estimated time.",
            discussion: """
                EXAMPLES
                  lstm-dist config check configs/text.yaml
                  lstm-dist config check configs/ptb-large.yaml --ranks 16
                """)
        /// More than any job has, but few enough to list the sequences of each.
        private static let acceptedRanks = 1...65_536

        @OptionGroup var source: Source
        @Option(parsing: .unconditional, help: "The number of ranks to check for.")
        var ranks = 1
        @Option(
            name: .customLong("run"),
            help: ArgumentHelp(
                "The run folder of the planned training (default: that of train).", valueName: "run"))
        var runFolder: String?

        func validate() throws {
            if runFolder == "" { throw ValidationError("--run is empty; accepted: a folder's path") }
            if !(Self.acceptedRanks ~= ranks) {
                throw ValidationError(
                    "--ranks is \(ranks); accepted: \(Self.acceptedRanks.lowerBound) to \(Self.acceptedRanks.upperBound)"
                )
            }
        }

        func run() throws {
            let plan = try DryRunReport(source.read(), ranks: ranks)
            for (title, value) in plan.lines {
                try StandardOutput.print("\(title.padding(to: max(12, title.count + 2)))\(value)")
            }
            try plan.check()
            if runFolder != nil || !ConfigSource.isNameless(source.config) {
                let folder = RunDirectory(path: runFolder ?? ConfigSource.defaultRun(source.config))
                try folder.requireOwn(reading: ConfigSource.name(source.config))
                try folder.requireWritable()
            }
            try StandardOutput.print("all checks have passed")
        }
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, width - count))
    }
}
