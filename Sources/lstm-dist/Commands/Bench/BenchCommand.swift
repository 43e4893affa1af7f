import ArgumentParser
import Benchmarks
import ConfigFile
import Reduction
import RunFolder
import System
import Training

/// `lstm-dist bench`
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures this machine's speed at training.",
        discussion: """
            EXAMPLES
              lstm-dist bench step configs/text.yaml
              mpirun -n 4 lstm-dist bench allreduce
              lstm-dist bench scaling configs/ptb-small.yaml --svg scaling.svg
            """,
        subcommands: [
            BenchStep.self, BenchAllreduce.self, BenchScaling.self, BenchMemory.self, BenchTune.self,
            BenchNeighbour.self,
        ])

    /// The configuration whose step is measured.
    struct Source: ParsableArguments {
        @Argument(
            help:
                "A configuration; - reads standard input. Without one: a language model of characters, 2 x 256 units."
        )
        var config: String?
        @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key.", valueName: "key.path=value"))
        var overrides: [String] = []

        /// The configuration's name in messages.
        var name: String { config.map { ConfigSource.name($0) } ?? BenchmarkConfiguration.name }

        /// The configuration's text; called on one rank.
        func text() throws -> String { try config.map { try ConfigSource.text($0) } ?? BenchmarkConfiguration.yaml }

        /// - Parameter reduction: replaces the value of `communication.reduction`.
        func configuration(_ text: String, reduction: String? = nil) throws -> Configuration {
            let overrides = overrides + (reduction.map { ["communication.reduction=\($0)"] } ?? [])
            let configuration = try Configuration(
                yaml: text, file: name, overrides: overrides, table: ConfigurationTable.all)
            try ConfigurationTable.check(configuration)
            return configuration
        }
    }

    /// Output files for the results, in addition to the text.
    enum Output {
        /// Rejects a file that can't be written, before anything is measured.
        static func check(_ option: String, _ path: String?) throws {
            guard let path, path != "-" else { return }
            try FileCheck.writable(path, option: option)
        }

        /// Writes to a file. Does nothing without a path, or for `-`, which the caller handles.
        static func write(_ text: String, to path: String?) throws {
            if let path, path != "-" { try OutputFile.write(text, to: path) }
        }
    }

    static func checkSeconds(_ seconds: Double) throws {
        if !(seconds > 0 && seconds < 1e6) { throw ValidationError("--seconds is \(seconds); accepted: above 0") }
    }
}
