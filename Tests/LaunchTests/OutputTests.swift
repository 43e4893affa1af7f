// Standard output, standard error and files named by the user that can't be written, are closed, or are not regular
// files.

import FileFormats
import Foundation
import LaunchSupport
import TestSupport
import Testing

extension CommandLineTests {
    @Suite("outputs")
    struct OutputTests {
        private static let message = "lstm-dist: standard output cannot be written: No space left on device.\n"

        /// Runs a script of bash in the folder, with `$0` lstm-dist and `$1` launch/local.
        private func bash(_ script: String, in folder: TestFolder, limit: Duration = .seconds(60)) async throws
            -> MPIRun
        {
            let program = try TestFolder.program.path
            return try await MPIRun.run(
                URL(filePath: "/bin/bash"),
                ["-c", script, program, ProjectFiles.folder.appending(path: "launch/local").path], ranks: nil,
                in: folder.url, environment: ["LSTM_DIST": program], limit: limit)
        }

        /// Fewer steps than smallConfig has.
        private func folderWithRun() async throws -> TestFolder {
            let config = smallConfig.replacing("steps: 30", with: "steps: 3")
            let folder = try TestFolder.withText(config)
            try folder.copy(try await ReferenceRuns.run(config), as: "run")
            return folder
        }

        // MARK: results

        @Test("results that can't be written end every command with one line and exit code 1")
        func results() async throws {
            let folder = try await folderWithRun()
            let commands = [
                "train small.yaml --run run --quiet", "train small.yaml --run other --dry-run --quiet",
                "evaluate run --data text.txt", "generate run --length 5", "export run --format safetensors",
                "inspect run",
                "inspect run --verify", "compare run run", "status run", "status run --json", "config show small.yaml",
                "config check small.yaml", "config keys", "doctor", "bench allreduce --max-bytes 4",
                "bench step small.yaml --seconds 0.05", "bench memory",
                "bench scaling small.yaml --ranks 1 --repeats 1 --seconds 0.05 --quiet", "--help", "help train",
                "config check --help", "--version",
            ]
            for command in commands {
                let run = try await bash("exec \"$0\" \(command) >/dev/full", in: folder)
                #expect(run.errors == Self.message, "\(command)")
                #expect(run.exitCode == 1, "\(command)")
            }
        }

        @Test("stop, whose request is written, reports that its message is not")
        func stopped() async throws {
            let folder = try TestFolder.withText(smallConfig.replacing("steps: 30", with: "steps: 1000000"))
            let run = try folder.start("train", "small.yaml", "--run", "run", "--quiet", ranks: nil)
            try await folder.run("run").wait(for: run)
            let stop = try await bash("exec \"$0\" stop run >/dev/full", in: folder)
            #expect(stop.errors == Self.message)
            #expect(stop.exitCode == 1)
            #expect(try await run.result().exitCode == 75)
        }

        // MARK: log lines

        @Test(
            "a log that can't be written is dropped, and the training is the same",
            arguments: [
                "\"$0\" $words 2>/dev/full", "\"$0\" $words 2>&-", "\"$0\" $words <&- >&- 2>&-",
                "(\"$0\" $words 2>&1 >/dev/null; echo $? >code) | true; exit $(cat code)",
                "trap '' PIPE; (\"$0\" $words 2>&1 >/dev/null; echo $? >code) | true; exit $(cat code)",
                "\"$1\" 2 $words <&- >&- 2>&-", "\"$1\" 2 $words >&- 2>&-",
            ])
        func log(command: String) async throws {
            let folder = try TestFolder.withText()
            // The metrics of a run have its number of ranks.
            let ranks = command.hasPrefix("\"$1\" 2") ? 2 : nil
            let never = try await folder.train("small.yaml", into: "never", ranks: ranks)
            let run = try await bash("words='train small.yaml --run run'; \(command)", in: folder)
            #expect(run.exitCode == 0, "\(run.errors)")
            #expect(try folder.run("run").outcome()["state"]?.stringValue == "done")
            try expectSame(folder.run("run"), never)
        }

        @Test("an error whose message can't be written keeps its exit code")
        func errors() async throws {
            let folder = try TestFolder()
            for words in ["nonsense", "evaluate absent", "inspect absent", "evaluate"] {
                for redirection in ["2>/dev/full", "2>&-"] {
                    let run = try await bash("exec \"$0\" \(words) \(redirection)", in: folder)
                    #expect(run.exitCode == 2, "\(words) \(redirection)")
                }
            }
        }

        // MARK: files

        @Test("outputs follow links, keep permissions, and write into what is not a regular file")
        func notRegular() async throws {
            let folder = try TestFolder.withText()
            let bench = "\"$0\" bench step small.yaml --seconds 0.05 --json"
            let linked = try await bash(
                "echo old >real.json; chmod 600 real.json; ln -s real.json link.json; \(bench) link.json; "
                    + "stat -c '%F %a' link.json real.json | tail -2", in: folder)
            #expect(linked.output.hasSuffix("symbolic link 777\nregular file 600\n"), "\(linked.output)")
            #expect(try JSONValue(parsing: folder.text(of: "real.json"))["ranks"]?.integerValue == 1)
            let pipe = try await bash(
                "mkfifo pipe; cat pipe >got & \(bench) pipe; wait; stat -c %F pipe", in: folder)
            #expect(pipe.output.hasSuffix("fifo\n"))
            #expect(try JSONValue(parsing: folder.text(of: "got"))["ranks"]?.integerValue == 1)
            // A link to standard output, which is a pipe and then a file.
            let output = try await bash("ln -s /proc/self/fd/1 out; \(bench) out | cat; stat -c %F out", in: folder)
            #expect(output.output.contains("\n  \"ranks\": 1,"), "\(output.output)\(output.errors)")
            #expect(output.output.hasSuffix("symbolic link\n"))
            let file = try await bash("\(bench) out >all.txt", in: folder)
            #expect(file.exitCode == 0, "\(file.errors)")
            let all = try folder.text(of: "all.txt")
            #expect(all.hasPrefix("ranks               1\n") && all.contains("\n  \"ranks\": 1,"), "\(all)")
            let full = try await bash("ln -s /dev/full full; \(bench) full >text; stat -c %F full", in: folder)
            #expect(full.errors == "lstm-dist: full cannot be written: No space left on device.\n")
            #expect(full.output == "symbolic link\n")
            let code = try await bash("\(bench) full >text", in: folder)
            #expect(code.exitCode == 1)
        }

        @Test("all outputs of bench scaling follow links")
        func scaling() async throws {
            let folder = try TestFolder.withText()
            let run = try await bash(
                """
                for end in json csv svg; do ln -s real.$end link.$end; done
                "$0" bench scaling small.yaml --ranks 1 --repeats 1 --seconds 0.05 --quiet --json link.json \
                    --csv link.csv --svg link.svg >/dev/null
                stat -c %F link.* real.*
                """, in: folder)
            #expect(
                run.output == String(repeating: "symbolic link\n", count: 3)
                    + String(repeating: "regular file\n", count: 3), "\(run.errors)")
        }

        @Test(
            "an export onto a full disk leaves the older file, and none where there was none",
            .enabled(if: SmallDisk.canMount, "this process may not mount a file system: run the tests as root"))
        func exportFails() async throws {
            let folder = try await folderWithRun()
            let disk = try SmallDisk(folder.url(of: "disk"), kilobytes: 8)
            try folder.write("older", to: "disk/model.safetensors")
            for name in ["model", "new"] {
                let run = try await folder.lstmDist(
                    "export", "run", "--format", "safetensors", "--output", "disk/\(name).safetensors")
                #expect(
                    run.errors
                        == "lstm-dist: disk/\(name).safetensors cannot be written: No space left on device.\n")
                #expect(run.exitCode == 1)
            }
            #expect(try folder.text(of: "disk/model.safetensors") == "older")
            #expect(try folder.names(in: "disk") == ["model.safetensors"])
            withExtendedLifetime(disk) {}
        }

        @Test("export refuses a path inside a checkpoint, also through links")
        func exportIntoCheckpoint() async throws {
            let folder = try await folderWithRun()
            try folder.link("link", to: "run/checkpoints/latest/other")
            let before = try folder.run("run").latest("model.safetensors")
            let places: [(String, Int?)] = [
                ("run/checkpoints/latest/model.safetensors", nil), ("run/checkpoints/step-00000003/new", nil),
                ("link", 2),
            ]
            for (path, ranks) in places {
                let run = try await folder.lstmDist(
                    "export", "run", "--format", "safetensors", "--output", path, ranks: ranks)
                #expect(
                    run.errors
                        == "lstm-dist: --output \(path): it is inside a checkpoint, which it would damage; accepted: a file "
                        + "in a writable folder\n")
                #expect(run.exitCode == 2)
            }
            #expect(try folder.run("run").latest("model.safetensors") == before)
            #expect(
                try folder.names(in: folder.run("run").checkpoint(3)) == [
                    "model.safetensors", "state.json", "training.safetensors", "vocabulary.json",
                ])
        }

        @Test("export to standard output through launch/local has the model's bytes", arguments: [1, 2])
        func exportThroughLauncher(ranks: Int) async throws {
            let folder = try await folderWithRun()
            let run = try await bash("\"$1\" \(ranks) export run --format safetensors --output - | cat", in: folder)
            #expect(run.errors == "")
            #expect(try run.outputBytes == folder.run("run").latest("model.safetensors"))
        }

        // MARK: the command line

        @Test(
            "config check refuses numbers of ranks that no job has",
            arguments: ["9223372036854775807", "65537", "0", "-3"])
        func ranks(number: String) async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist("config", "check", "small.yaml", "--ranks", number)
            #expect(
                run.errors.split(separator: "\n").first.map(String.init)
                    == "Error: --ranks is \(number); accepted: 1 to 65536")
            #expect(run.exitCode == 2)
            let most = try await folder.lstmDist("config", "check", "small.yaml", "--ranks", "65536")
            #expect(most.exitCode == 0, "\(most.errors)")
        }

        @Test(
            "misspelt words are refused with the nearest one",
            arguments: [
                (
                    "config shwo small.yaml",
                    "there is no command \"config shwo\"; did you mean config show? accepted: show, check, keys"
                ),
                (
                    "bench stp",
                    "there is no command \"bench stp\"; did you mean bench step? accepted: step, allreduce, scaling, memory, "
                        + "tune, neighbour"
                ),
                ("config zzz", "there is no command \"config zzz\"; accepted: show, check, keys"),
                (
                    "help nonsense",
                    "there is no command \"nonsense\"; accepted: train, evaluate, predict, generate, export, inspect, compare, "
                        + "stop, status, config, doctor, bench, help"
                ),
                (
                    "help config shwo",
                    "there is no command \"config shwo\"; did you mean config show? accepted: show, check, keys"
                ),
                ("--versoin", "there is no option \"--versoin\"; did you mean --version?"),
                ("--hlep", "there is no option \"--hlep\"; did you mean --help?"),
            ])
        func misspelt(words: String, message: String) async throws {
            let folder = try TestFolder()
            let ranks: [Int?] = words == "config zzz" ? [nil, 2] : [nil]
            for ranks in ranks {
                let run = try await folder.lstmDist(words.split(separator: " ").map(String.init), ranks: ranks)
                #expect(run.errors == "lstm-dist: \(message)\n")
                #expect(run.exitCode == 2)
            }
            #expect(try folder.names(in: ".").isEmpty)
        }

        @Test(
            "negative numbers are values of options, and refused with what is accepted",
            arguments: [
                ("generate run --length -1", "--length is -1; accepted: 0 or more"),
                ("generate run --temperature -1", "--temperature is -1.0; accepted: a number, 0 or more"),
                ("generate run --top-k -1", "--top-k is -1; accepted: 1 or more"),
                ("bench step --seconds -1", "--seconds is -1.0; accepted: above 0"),
                ("bench scaling --repeats -1", "--repeats is -1; accepted: 1 to 1000"),
                ("bench allreduce --max-bytes -1", "--max-bytes is -1; accepted: 4 or more"),
            ])
        func negative(words: String, message: String) async throws {
            let run = try await MPIRun.run(
                TestFolder.program, words.split(separator: " ").map(String.init), ranks: nil)
            #expect(run.errors.split(separator: "\n").first.map(String.init) == "Error: \(message)")
            #expect(run.exitCode == 2)
        }

        @Test("--help lists all exit codes")
        func exitCodes() async throws {
            let help = try await TestFolder().lstmDist("--help").output
            for code in ["0 ", "1 ", "2 ", "70", "75"] { #expect(help.contains("\n  \(code)  "), "\(help)") }
        }

        @Test("names and keys from files reach the terminal without control characters")
        func controlCharacters() async throws {
            let folder = try TestFolder.withText()
            let name = "\u{1B}]0;title\u{7}\nlstm-dist: fake.txt"
            try folder.write(folder.text(of: "text.txt"), to: name)
            let shown = "\\u{1b}]0;title\\u{7}\\u{a}lstm-dist: fake.txt"
            let check = try await folder.lstmDist("config", "check", "small.yaml", "--set", "data.train=*fake.txt")
            #expect(check.output.contains("\ntrain data  \(shown)\n"), "\(check.output)")
            try folder.write("", to: name)
            let empty = try await folder.lstmDist("config", "check", "small.yaml", "--set", "data.train=*fake.txt")
            #expect(
                empty.errors
                    == "lstm-dist: --set data.train: the file \"\(shown)\" is empty; accepted: "
                    + "\(BadInputTests.readable)\n")
            try folder.write("\0", to: name)
            let binary = try await folder.lstmDist("config", "check", "small.yaml", "--set", "data.train=*fake.txt")
            #expect(binary.errors.hasPrefix("lstm-dist: \(shown), byte offset 0: "), "\(binary.errors)")
            let absent = try await folder.lstmDist("evaluate", "a\u{1B}[31mb")
            #expect(absent.errors.hasPrefix("lstm-dist: a\\u{1b}[31mb cannot be opened: "), "\(absent.errors)")
        }

        @Test("compare prints splits and keys of metrics without control characters")
        func compareControlCharacters() async throws {
            let folder = try await folderWithRun()
            let compared = try await bash(
                """
                cp -r run one; cp -r run other
                printf '{"split":"\\\\u001b[31mRED","step":1,"a":1}\\n' >one/metrics.jsonl
                printf '{"split":"\\\\u001b[31mRED","step":1,"a":2}\\n' >other/metrics.jsonl
                exec "$0" compare one other
                """, in: folder)
            #expect(
                compared.output.contains("different  metrics differ at step 1 (\\u{1b}[31mRED): a is 1 and 2\n"),
                "\(compared.output)\(compared.errors)")
        }

        // MARK: launch/local

        @Test("launch/local reads no standard input unless the configuration is standard input")
        func input() async throws {
            let folder = try TestFolder.withText(smallConfig.replacing("steps: 30", with: "steps: 1"))
            let loop = try await bash(
                "printf '1\\n2\\n' | while read -r seed; do "
                    + "\"$1\" 1 train small.yaml --run run$seed --quiet >/dev/null; done", in: folder)
            #expect(loop.errors == "")
            #expect(folder.has("run1/outcome.json") && folder.has("run2/outcome.json"))
            let piped = try await bash("\"$1\" 1 train - --run piped --quiet <small.yaml", in: folder)
            #expect(piped.exitCode == 0, "\(piped.errors)")
            try expectSame(folder.run("piped"), folder.run("run1"))
        }

        @Test("launch/local's watcher ends when launch/local is killed")
        func watcher() async throws {
            let folder = try TestFolder.withText()
            // In place of mpirun: it has no children, so that nothing else ends the watcher.
            let path = try folder.write(program: "#!/bin/sh\nexec sleep 30\n", to: "mpirun")
            let run = try await bash(
                """
                PATH='\(path)'
                "$1" 2 train small.yaml & script=$!
                while read -r mpirun watcher _ <"/proc/$script/task/$script/children"; [ -z "$watcher" ]; do sleep 0.1; done
                sleep 0.5
                kill -KILL "$script"
                for ((i = 0; i < 100; i++)); do [ -d "/proc/$watcher" ] || break; sleep 0.1; done
                [ -d "/proc/$mpirun" ] && echo mpirun
                [ -d "/proc/$watcher" ] && echo watcher
                kill "$mpirun" "$watcher" 2>/dev/null
                exit 0
                """, in: folder)
            #expect(run.output == "mpirun\n", "\(run.errors)")
        }
    }
}
