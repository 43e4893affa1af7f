// Which run folder a training takes.

import Foundation
import LaunchSupport
import Testing

extension LaunchTests {
    @Suite("run folders that are used already")
    struct UsedFolderTests {
        @Test("the default run folder is named after the whole name but .yaml or .yml; what has no name needs --run")
        func defaultFolder() async throws {
            let folder = try TestFolder.withText()
            for name in ["lr0.001", "lr0.1", "b.yml", "x.yaml~", "c.yaml"] {
                try folder.write(smallConfig, to: name)
                let run = try await folder.lstmDist("train", name, "--quiet", "--set", "training.steps=1")
                #expect(run.exitCode == 0, "\(run.errors)")
            }
            #expect(try folder.names(in: "runs") == ["b", "c", "lr0.001", "lr0.1", "x.yaml~"])
            let pipe = try await folder.lstmDist("train", "/dev/fd/0", input: smallConfig)
            #expect(
                pipe.errors.hasPrefix(
                    "Error: --run is needed when the configuration is /dev/fd/0, which is not a file with a name\n"),
                "\(pipe.errors)")
            #expect(pipe.exitCode == 2)
            let named = try await folder.lstmDist(
                "train", "/dev/fd/0", "--run", "run", "--quiet", "--set", "training.steps=1", input: smallConfig)
            #expect(named.exitCode == 0, "\(named.errors)")
        }
    }
}
