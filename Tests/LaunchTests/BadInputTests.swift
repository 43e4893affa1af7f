// Invalid input ends all ranks with one message from one of them, before anything is written.

import Foundation
import LaunchSupport
import System
import Testing
import Training

extension CommandLineTests {
    @Suite("bad input")
    struct BadInputTests {
        static let readable = "paths and patterns (such as \"texts/*.txt\") of readable files that aren't empty"

        /// Runs on three ranks. A failed run's message is the whole of standard error.
        private func expect(
            _ message: String, code: Int32 = 2, from run: MPIRun, in folder: TestFolder,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            #expect(run.errors == message + "\n", sourceLocation: sourceLocation)
            #expect(run.output == "", sourceLocation: sourceLocation)
            #expect(run.exitCode == code, sourceLocation: sourceLocation)
            #expect(!folder.has("run"), sourceLocation: sourceLocation)
            #expect(!folder.has("runs"), sourceLocation: sourceLocation)
        }

        /// Trains with an invalid value of a key.
        private func train(_ folder: TestFolder, set: String, ranks: Int? = 3) async throws -> MPIRun {
            try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--set", set, ranks: ranks, limit: .seconds(30))
        }

        // MARK: data

        @Test("missing, empty and too short texts, and a folder instead of a text")
        func absentTexts() async throws {
            let folder = try TestFolder.withText().write("", to: "empty.txt").write("It is short.\n", to: "short.txt")
            expect(
                "lstm-dist: --set data.train: there is no file \"absent.txt\" (the working directory is "
                    + "\(folder.url.resolvingSymlinksInPath().path)); accepted: \(Self.readable)",
                from: try await train(folder, set: "data.train=absent.txt"), in: folder)
            expect(
                "lstm-dist: --set data.train: the file \"empty.txt\" is empty; accepted: \(Self.readable)",
                from: try await train(folder, set: "data.train=empty.txt"), in: folder)
            expect(
                "lstm-dist: short.txt: 13 tokens are too few for training.batch 12: 12 streams of at least 10 "
                    + "tokens need 120; use a longer text or a smaller training.batch or training.window",
                from: try await train(folder, set: "data.train=short.txt"), in: folder)
            expect(
                "lstm-dist: --set data.train: \"/\" is a directory; accepted: \(Self.readable)",
                from: try await train(folder, set: "data.train=/"), in: folder)
            expect(
                "lstm-dist: --set data.train: no file matches the pattern \"*.text\"; accepted: \(Self.readable)",
                from: try await train(folder, set: "data.train=*.text"), in: folder)
        }

        @Test("the message about a text in the configuration contains the file and line of its key")
        func placeOfText() async throws {
            let folder = try TestFolder().write(smallConfig, to: "small.yaml")
            let run = try await folder.lstmDist("train", "small.yaml", ranks: 3, limit: .seconds(30))
            expect(
                "lstm-dist: small.yaml, line 2: data.train: there is no file \"text.txt\" (the working directory is "
                    + "\(folder.url.resolvingSymlinksInPath().path)); accepted: \(Self.readable)",
                from: run, in: folder)
        }

        @Test("a binary file, and invalid UTF-8, as characters and as words", arguments: ["character", "word"])
        func notText(tokenizer: String) async throws {
            let folder = try TestFolder.withText(
                smallConfig.replacing("tokenizer: character", with: "tokenizer: \(tokenizer)"))
            try Data(Array("one\ntwo \0three".utf8)).write(to: folder.url(of: "binary.dat"))
            try Data(Array("one\ntwo \u{E9}t\u{E9}\n".utf8) + [0x61, 0xE9, 0x61]).write(to: folder.url(of: "latin.txt"))
            let accepted = "data.tokenizer: \(tokenizer) accepts text in UTF-8, data.tokenizer: byte any file"
            expect(
                "lstm-dist: binary.dat, byte offset 8: found a zero byte, so this is a binary file; \(accepted)",
                from: try await train(folder, set: "data.train=binary.dat"), in: folder)
            expect(
                "lstm-dist: latin.txt, line 3, byte offset 15: invalid UTF-8 (byte 0xE9); \(accepted)",
                from: try await train(folder, set: "data.train=latin.txt"), in: folder)
        }

        // MARK: configuration

        @Test(
            "wrong keys and impossible values by --set",
            arguments: [
                ("model.hiden=3", "model.hiden is not a key; did you mean model.hidden?"),
                ("model.hidden=many", "model.hidden is many; accepted: an integer from 1 to 65536"),
                ("model.hidden=0", "model.hidden is 0; accepted: an integer from 1 to 65536"),
                ("model.hidden=-1", "model.hidden is -1; accepted: an integer from 1 to 65536"),
                ("model.hidden=999999999999", "model.hidden is 999999999999; accepted: an integer from 1 to 65536"),
                (
                    "training.optimizer.learning_rate=.nan",
                    "training.optimizer.learning_rate is .nan; accepted: a number from 0 to 1000000"
                ),
                ("training.batch", "missing '='; accepted: --set key.path=value"),
                (
                    "model.cell=lstn",
                    "model.cell is lstn; accepted: lstm, lstm-peephole, gru or rnn; did you mean lstm?"
                ),
            ])
        func wrongSet(argument: String, message: String) async throws {
            let folder = try TestFolder.withText()
            // All ranks read the same; one message of several is enough.
            let ranks = argument == "model.hidden=0" ? 3 : nil
            expect(
                "lstm-dist: --set \(argument): \(message)",
                from: try await train(folder, set: argument, ranks: ranks), in: folder)
        }

        @Test(
            "wrong keys, impossible values and broken YAML in the file",
            arguments: [
                ("model: {hidden: 8, hidden: 9}", "line 2: model.hidden is given twice; accepted: once"),
                ("model:\n  hidden: 8\n  hidden: 9", "line 4: model.hidden is given already in line 3; accepted: once"),
                ("model:\n  hidden: 8\n  hiden: 9", "line 4: model.hiden is not a key; did you mean model.hidden?"),
                (
                    "model: 8",
                    "line 2: model is 8; accepted: a section with the keys head, cell, layers, hidden, embedding, bidirectional, layer_norm, tie_embedding, pooling, dropout, init"
                ),
                ("training:\n  batch: [3]", "line 3: training.batch is [3]; accepted: an integer from 1 to 10000000"),
                (
                    "training: {batch: 3",
                    "line 2: broken YAML: did not find expected ',' or '}' while parsing a flow mapping"
                ),
                (
                    "training: {steps: 3, epochs: 2}",
                    "line 2: training.epochs excludes training.steps, which is given together with it; accepted: one of them"
                ),
            ])
        func wrongFile(line: String, message: String) async throws {
            let folder = try TestFolder().write("task: reber\n\(line)\n", to: "bad.yaml")
            let ranks = line == "model: 8" ? 3 : nil
            let run = try await folder.lstmDist("train", "bad.yaml", "--run", "run", ranks: ranks, limit: .seconds(30))
            expect("lstm-dist: bad.yaml, \(message)", from: run, in: folder)
        }

        @Test("a configuration that is missing, or a folder")
        func absentConfig() async throws {
            let folder = try TestFolder()
            for (argument, found) in [("absent.yaml", "there is no such file"), ("/tmp", "it is a folder")] {
                expect(
                    "lstm-dist: \(argument): the configuration can't be read: \(found); give a YAML file, or - for "
                        + "standard input",
                    from: try await folder.lstmDist("train", argument, ranks: 3, limit: .seconds(30)), in: folder)
            }
        }

        @Test("a model that exceeds the memory is refused")
        func hugeModel() async throws {
            // The kernels' memory depends on these sizes, which differ by CPU.
            let folder = try TestFolder.withText().write(
                "{\"input_gradient_block\": 640, \"leaf_block\": 0}", to: "sizes.json")
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--set", "model.hidden=65536", "--set", "model.layers=64",
                "--tuning", "sizes.json", ranks: 3, limit: .seconds(30))
            let memory = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
            expect(
                "lstm-dist: model.hidden 65536 and model.layers 64 need 42.4 TiB of memory per rank (weights and optimiser "
                    + "42.4 TiB, activations 4.4 GiB), 127.1 TiB for the 3 ranks of a host, but this host has \(byteCount(memory)); use a "
                    + "smaller model, training.batch or training.window",
                from: run, in: folder)
        }

        // MARK: weights and folders

        @Test("initial weights with a wrong shape, a missing or an additional tensor, or without a file")
        func initialWeights() async throws {
            let folder = try TestFolder.withText()
            let model = try await folder.train(
                "small.yaml", into: "first", set: ["training.steps=1", "model.layers=1"]
            )
            .folder.url(of: "first/checkpoints/latest/model.safetensors").path
            try FileManager.default.copyItem(atPath: model, toPath: folder.url(of: "weights.safetensors").path)
            func start(_ file: String, _ key: String) async throws -> MPIRun {
                try await folder.lstmDist(
                    "train", "small.yaml", "--run", "run", "--init-from", file, "--set", key, ranks: 3,
                    limit: .seconds(30))
            }
            let names = "embedding.weight, rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0"
            expect(
                "lstm-dist: weights.safetensors: tensor rnn.weight_ih_l0 has shape [52, 7]; accepted: [56, 7], which "
                    + "follows from the configuration and the data",
                from: try await start("weights.safetensors", "model.hidden=14"), in: folder)
            expect(
                "lstm-dist: weights.safetensors: tensor rnn.weight_ih_l1 is missing; found: \(names), output.weight, "
                    + "output.bias",
                from: try await start("weights.safetensors", "model.layers=2"), in: folder)
            expect(
                "lstm-dist: absent.safetensors cannot be read: No such file or directory.",
                from: try await start("absent.safetensors", "model.layers=1"), in: folder)
            expect(
                "lstm-dist: text.txt is not a valid safetensors file: its header's length is given as "
                    + "\(try statedLength(folder)) bytes; \(try folder.bytes(of: "text.txt").count - 8) bytes follow, and "
                    + "at most 100000000 are accepted.",
                from: try await start("text.txt", "model.layers=1"), in: folder)
        }

        /// The value of the text's first eight bytes, where a safetensors file has its header's length.
        private func statedLength(_ folder: TestFolder) throws -> UInt64 {
            try folder.bytes(of: "text.txt").prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }

        @Test("a run folder that cannot be created is a failure of the system: exit code 1")
        func unwritableFolder() async throws {
            let folder = try TestFolder.withText().write("", to: "file")
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--quiet", "--run", "file/run", ranks: 3, limit: .seconds(30))
            expect(
                "lstm-dist: The folder file/run cannot be made: Not a directory.", code: 1, from: run, in: folder)
        }

        @Test("no checkpoint for evaluate, generate, export, inspect and --resume")
        func absentCheckpoint() async throws {
            let folder = try TestFolder.withText()
            let message =
                "lstm-dist: absent cannot be opened: No such file or directory; a run folder, a checkpoint's folder or the "
                + "model.safetensors inside one is expected."
            for command in ["evaluate", "generate", "inspect"] {
                let run = try await folder.lstmDist(command, "absent", ranks: 3, limit: .seconds(30))
                expect(message, from: run, in: folder)
            }
            let export = try await folder.lstmDist(
                "export", "absent", "--format", "safetensors", ranks: 3, limit: .seconds(30))
            expect(message, from: export, in: folder)
            let resume = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--resume", "absent", ranks: 3, limit: .seconds(30))
            expect(message, from: resume, in: folder)
        }

        @Test("characters outside the vocabulary, in a prompt and in other text")
        func unknownCharacters() async throws {
            let folder = try TestFolder.withText().write("one\nriver\u{FE}\n", to: "other.txt")
            try await folder.train("small.yaml", into: "trained", set: ["training.steps=1"])
            let count = Set(try folder.text(of: "text.txt").unicodeScalars).count
            let prompt = try await folder.lstmDist(
                "generate", "trained", "--prompt", "river\u{FE}", ranks: 3, limit: .seconds(30))
            expect(
                "lstm-dist: the prompt's character 6, \"\u{FE}\" (U+00FE), is not in the vocabulary; accepted: the "
                    + "\(count) characters of the training text",
                from: prompt, in: folder)
            let other = try await folder.lstmDist(
                "evaluate", "trained", "--data", "other.txt", ranks: 3, limit: .seconds(30))
            expect(
                "lstm-dist: other.txt, line 2, byte offset 9: the character \"\u{FE}\" (U+00FE) is not in the training text; "
                    + "accepted: the \(count) characters of data.train, or with data.tokenizer: byte any file",
                from: other, in: folder)
        }

        // MARK: the command line

        @Test("an unknown command is refused with the nearest one and a list of all")
        func unknownCommand() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist("trian", "small.yaml", ranks: 3, limit: .seconds(30))
            expect(
                "lstm-dist: there is no command \"trian\"; did you mean train? accepted: train, evaluate, predict, generate, export, "
                    + "inspect, compare, stop, status, config, doctor, bench, help",
                from: run, in: folder)
        }

        @Test("an unknown option, a missing argument and an impossible value are refused with the command's usage")
        func wrongArguments() async throws {
            let folder = try TestFolder.withText()
            let option = try await folder.lstmDist("evaluate", "run", "--dta", "a.txt", ranks: 3, limit: .seconds(30))
            let usage = """
                Usage: lstm-dist evaluate <checkpoint> [--data <data>] [--quiet] [--verbose] [--progress]
                  See 'lstm-dist evaluate --help' for more information.
                """
            expect("Error: Unknown option '--dta'. Did you mean '--data'?\n" + usage, from: option, in: folder)
            let argument = try await folder.lstmDist("evaluate", ranks: 3, limit: .seconds(30))
            expect(
                "Error: Missing expected argument '<checkpoint>'\nHelp:  <checkpoint>  A run folder, or a checkpoint.\n"
                    + usage,
                from: argument, in: folder)
            let value = try await folder.lstmDist(
                "generate", "run", "--temperature", "nan", ranks: 3, limit: .seconds(30))
            #expect(
                value.errors.split(separator: "\n").first
                    == "Error: --temperature is nan; accepted: a number, 0 or more")
            #expect(value.exitCode == 2)
        }
    }
}
