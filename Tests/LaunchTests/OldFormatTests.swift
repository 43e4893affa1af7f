// Checkpoints that earlier versions wrote (Tests/Fixtures/checkpoints) stay readable.

import FileFormats
import Foundation
import LaunchSupport
import TestSupport
import Testing

extension LaunchTests {
    @Suite("checkpoints of earlier formats")
    struct OldFormatTests {
        private static let fixtures = ProjectFiles.folder.appending(path: "Tests/Fixtures/checkpoints")

        /// A folder with the fixtures' text and configuration, and a run whose latest checkpoint is a fixture.
        private func folder(format: Int) throws -> TestFolder {
            let folder = try TestFolder()
            for name in ["text.txt", "run.yaml"] {
                try FileManager.default.copyItem(at: Self.fixtures.appending(path: name), to: folder.url(of: name))
            }
            try folder.make("run/checkpoints")
            try FileManager.default.copyItem(
                at: Self.fixtures.appending(path: "format-\(format)"),
                to: folder.url(of: folder.run("run").checkpoint(20)))
            return folder
        }

        @Test("inspected, evaluated and resumed with the losses of a run of this version", arguments: 1...2)
        func read(format: Int) async throws {
            let folder = try folder(format: format)
            let state = try JSONValue(parsing: folder.text(of: "\(folder.run("run").checkpoint(20))/state.json"))
            #expect(state["format_version"]?.integerValue == format)
            let inspected = try await folder.lstmDist("inspect", "run", "--verify")
            #expect(inspected.exitCode == 0, "\(inspected.errors)")
            #expect(inspected.output.contains("format \(format)"))
            let best = try #require(state["extra"]?["best_validation_loss"]?.numberValue)
            expectClose(
                [try figure("loss", of: try await folder.lstmDist("evaluate", "run"))], [best], within: 1e-4, "loss")
            // Other SIMD levels round differently; a state that was not restored differs by far more.
            let never = try await folder.train("run.yaml", into: "never")
            let resumed = try await folder.train("run.yaml", into: "run")
            expectClose(try resumed.figures(), Array(try never.figures().suffix(10)), within: 1e-3)
            try expectClose(resumed.model(), never.model(), within: 1e-3)
        }

        @Test("the format that this version writes has its fixture")
        func current() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.train("small.yaml", into: "run", set: ["training.steps=1"])
            let state = try JSONValue(parsing: String(decoding: run.latest("state.json"), as: UTF8.self))
            let format = try #require(state["format_version"]?.integerValue)
            let fixture = Self.fixtures.appending(path: "format-\(format)/state.json").path
            #expect(FileManager.default.fileExists(atPath: fixture), "Tests/Fixtures/checkpoints/make makes it")
        }
    }
}
