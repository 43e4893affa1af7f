// The parts of launch/compare-pytorch that run without PyTorch.

import Foundation
import LaunchSupport
import TestSupport
import Testing

extension CommandLineTests {
    @Suite("launch/compare-pytorch")
    struct ComparePyTorchTests {
        private func compare(
            _ words: [String], in folder: TestFolder, environment: [String: String] = [:]
        ) async throws -> MPIRun {
            try await MPIRun.run(
                ProjectFiles.folder.appending(path: "launch/compare-pytorch"), words, ranks: nil, in: folder.url,
                environment: environment, limit: .seconds(30))
        }

        @Test(
            "invalid options are refused in one sentence, with the accepted values",
            arguments: [
                (
                    "--shapes char-12",
                    "--shapes is 'char-12'; accepted: a list of char-512,ptb-medium,ptb-large,ptb-small,char-128,adding-128."
                ),
                ("--ranks 1,0", "--ranks is '1,0'; accepted: rank counts, such as 1,2."),
                ("--repeats 0", "--repeats is '0'; accepted: 1 or more."),
                ("--pairs -1", "--pairs is '-1'; accepted: 0 or more."),
                ("--seconds 0.0", "--seconds is '0.0'; accepted: above 0."),
                ("--output figures.txt", "--output is 'figures.txt'; accepted: a name that ends in .json or .md."),
                ("--output absent/figures.md", "--output absent/figures.md: this file can't be written."),
                ("--python absent/python", "There is no Python 'absent/python'."),
                ("--folder absent", "--folder is 'absent'; accepted: a writable folder."),
                ("--memory --shapes", "--shapes requires a value."),
                ("ptb-medium", "Unknown argument 'ptb-medium'."),
            ])
        func refused(words: String, sentence: String) async throws {
            let run = try await compare(words.split(separator: " ").map(String.init), in: TestFolder())
            #expect(run.errors == "launch/compare-pytorch: \(sentence) See launch/compare-pytorch --help.\n")
            #expect(run.output == "")
            #expect(run.exitCode == 2)
        }

        @Test("a Python without torch is refused; nothing is downloaded without --download")
        func withoutTorch() async throws {
            let folder = try TestFolder()
            // A python3 without torch, first on the PATH.
            let path = try folder.write(program: "#!/bin/sh\nexit 1\n", to: "python3")
            let named = try await compare(["--python", "./python3"], in: folder)
            #expect(
                named.errors
                    == "launch/compare-pytorch: ./python3 has no torch; use a Python that has it, or --download "
                    + "without --python. See launch/compare-pytorch --help.\n")
            #expect(named.exitCode == 2)
            // An environment that has already been downloaded would be used.
            let own = ProjectFiles.folder.appending(path: ".build/compare-venv").path
            guard !FileManager.default.fileExists(atPath: own) else { return }
            let found = try await compare([], in: folder, environment: ["PATH": path])
            #expect(
                found.errors
                    == "launch/compare-pytorch: python3 has no torch. Use --python PATH with a Python that has it, or "
                    + "--download, which downloads torch==2.13.0+cpu numpy and their dependencies, about 220 MB from "
                    + "https://download.pytorch.org/whl/cpu and pypi.org, into \(own). See launch/compare-pytorch --help.\n"
            )
            #expect(found.exitCode == 2)
            #expect(!FileManager.default.fileExists(atPath: own))
        }
    }
}
