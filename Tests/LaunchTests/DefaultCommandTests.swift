// lstm-dist without a command removes nothing that it could not compute again.

import Foundation
import LaunchSupport
import Testing

extension CommandLineTests {
    @Suite("the default command")
    struct DefaultCommandTests {
        @Test("it leaves another run in its folder alone, and notices arguments that were lost")
        func otherRun() async throws {
            let folder = try TestFolder()
            let run = try await folder.lstmDist("train", "--set", "training.steps=1", "--quiet")
            #expect(run.exitCode == 0, "\(run.errors)")
            let before = try folder.text(of: "runs/reber-default/metrics.jsonl")
            let refused = try await folder.lstmDist(ranks: 2)
            #expect(
                refused.errors
                    == "lstm-dist: runs/reber-default holds a run that was not trained with the embedded default, and "
                    + "lstm-dist without a command would remove it; use lstm-dist train --overwrite, or move that "
                    + "folder\n")
            #expect(refused.exitCode == 2)
            #expect(try folder.text(of: "runs/reber-default/metrics.jsonl") == before)

            let library = try PreloadedLibrary("no_arguments.c")
            let lost = try await folder.lstmDist("status", "nowhere", environment: ["LD_PRELOAD": library.path])
            #expect(
                lost.errors.hasPrefix("lstm-dist: the arguments of the command line have been lost"), "\(lost.errors)")
            #expect(lost.exitCode == 1)
        }
    }
}
