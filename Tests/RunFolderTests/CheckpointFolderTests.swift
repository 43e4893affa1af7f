import FileFormats
import Foundation
import Glibc
import RunFolder
import TestSupport
import Testing

/// Which checkpoints are kept, which one an argument means, and what a crash leaves.
@Suite struct CheckpointFolderTests {
    private let maker: CheckpointMaker
    private var folder: TemporaryFolder { maker.folder }
    private var run: RunDirectory { maker.run }

    init() throws { maker = try CheckpointMaker() }

    private func resolved(_ name: String) throws -> Int { try RunDirectory.resolve(folder.file(name)).state.step }

    private func refusal(_ name: String) -> String {
        errorText(in: folder) { _ = try RunDirectory.resolve(folder.file(name)) }
    }

    private static let expected =
        "a run folder, a checkpoint's folder or the model.safetensors inside one is expected."

    // MARK: keep, best, latest

    @Test("the oldest checkpoints beyond the count are removed; the best is neither counted nor removed")
    func keep() throws {
        for step in [10, 20, 30, 40, 50] { try maker.write(step) }
        try maker.writer.pointBest(to: 20)
        try maker.writer.keep(2)
        #expect(try run.checkpointSteps() == [20, 40, 50])
        try maker.writer.keep(2)
        #expect(try run.checkpointSteps() == [20, 40, 50])
        try maker.writer.pointBest(to: 50)
        try maker.writer.keep(1)
        #expect(try run.checkpointSteps() == [40, 50])
        #expect(try folder.target(maker.place("best")) == "step-00000050")
    }

    @Test("the latest is kept even with a count of 0, or if it isn't the newest")
    func keepLatest() throws {
        for step in [10, 20, 30] { try maker.write(step) }
        try maker.write(10)
        try maker.writer.keep(1)
        #expect(try run.checkpointSteps() == [10, 30])
        try maker.write(30)
        try maker.writer.keep(0)
        #expect(try run.checkpointSteps() == [30])
    }

    @Test("checkpoints up to the count are kept, and so are files that belong to no checkpoint")
    func keepFew() throws {
        for step in [10, 20] { try maker.write(step) }
        try folder.make(maker.place("step-00000005"))
        try folder.write("mine", to: maker.place("step-00000005/notes.txt"))
        try folder.write("mine", to: maker.place("step-00000010/notes.txt"))
        try maker.writer.keep(5)
        #expect(try run.checkpointSteps() == [10, 20])
        try maker.writer.keep(1)
        #expect(try run.checkpointSteps() == [20])
        #expect(try folder.names(maker.place("step-00000010")) == ["notes.txt"])
        #expect(try folder.names(maker.place("step-00000005")) == ["notes.txt"])
    }

    @Test("best can't point to a checkpoint that isn't there")
    func bestMissing() throws {
        try maker.write(10)
        #expect(
            errorText(in: folder) { try maker.writer.pointBest(to: 11) }
                == "The run folder runs/x has no checkpoint of step 11.")
    }

    @Test("resuming from an older checkpoint removes the newer ones and their links")
    func discard() throws {
        for step in [10, 20, 30] { try maker.write(step) }
        try maker.writer.pointBest(to: 30)
        try maker.writer.discard(after: 20)
        #expect(try maker.names() == ["latest", "step-00000010", "step-00000020"])
        #expect(try folder.target(maker.place("latest")) == "step-00000020")
        try maker.writer.pointBest(to: 10)
        try maker.writer.discard(after: 15)
        #expect(try maker.names() == ["best", "latest", "step-00000010"])
        try maker.writer.discard(after: 0)
        #expect(try maker.names() == [])
    }

    // MARK: newest

    @Test("the newest checkpoint has the highest step, with eight digits or nine")
    func newest() throws {
        #expect(try run.newestCheckpoint().checkpoint == nil)
        for step in [99_999_999, 100_000_000, 20] { try maker.write(step) }
        let (checkpoint, damaged) = try run.newestCheckpoint()
        #expect(checkpoint?.state.step == 100_000_000)
        #expect(damaged == [])
    }

    @Test("damaged checkpoints are skipped, each with a message")
    func newestWhole() throws {
        for step in [10, 20, 30, 40] { try maker.write(step) }
        try maker.damage("step-00000040/training.safetensors")
        try folder.remove(maker.place("step-00000030/state.json"))
        try folder.write("{", to: maker.place("step-00000020/model.safetensors"))
        let (checkpoint, damaged) = try run.newestCheckpoint()
        #expect(checkpoint?.state.step == 10)
        let texts = damaged.map { $0.replacing(folder.path + "/runs/x/checkpoints/", with: "") }
        try #require(texts.count == 3)
        #expect(texts[0].hasPrefix("The checkpoint step-00000040 is damaged: the SHA-256 of training.safetensors is "))
        #expect(
            texts[1...] == [
                "The checkpoint step-00000030 is incomplete: it has no state.json.",
                "step-00000020/model.safetensors is not a valid safetensors file: "
                    + "it has 1 bytes, less than the 8 of the header's length.",
            ])
    }

    // MARK: resolve

    @Test("a run folder means its best checkpoint, else its latest, else its newest")
    func resolveRun() throws {
        for step in [10, 20, 30] { try maker.write(step) }
        try maker.write(20)
        try maker.writer.pointBest(to: 10)
        #expect(try resolved("runs/x") == 10)
        #expect(try resolved("runs/x/") == 10)
        try folder.remove(maker.place("best"))
        #expect(try resolved("runs/x") == 20)
        try folder.remove(maker.place("latest"))
        #expect(try resolved("runs/x") == 30)
        try folder.link(maker.place("best"), to: "step-00000099")
        #expect(try resolved("runs/x") == 30, "a broken link is ignored")
    }

    @Test("a best checkpoint that is damaged is an error, not a reason to take another")
    func resolveDamagedBest() throws {
        for step in [10, 20] { try maker.write(step) }
        try maker.writer.pointBest(to: 10)
        try folder.remove(maker.place("step-00000010/model.safetensors"))
        #expect(
            refusal("runs/x")
                == "The checkpoint runs/x/checkpoints/step-00000010 is incomplete: it has no model.safetensors."
        )
    }

    @Test("a checkpoint's folder, a link to it and the model inside it mean that checkpoint")
    func resolveCheckpoint() throws {
        for step in [10, 20] { try maker.write(step) }
        try maker.writer.pointBest(to: 10)
        for name in [
            "step-00000010", "step-00000010/", "best", "step-00000010/model.safetensors", "best/model.safetensors",
        ] {
            #expect(try resolved(maker.place(name)) == 10)
        }
        #expect(try resolved(maker.place("latest")) == 20)
    }

    @Test("an argument that is not a checkpoint is refused with what is expected")
    func resolveNothing() throws {
        try folder.make("other")
        try folder.write("", to: "file")
        #expect(refusal("none") == "none cannot be opened: No such file or directory; \(Self.expected)")
        #expect(refusal("file/x") == "file/x cannot be opened: Not a directory; \(Self.expected)")
        #expect(refusal("file") == "file is a file that is not a checkpoint's model; \(Self.expected)")
        #expect(
            refusal("other")
                == "other is neither a run folder (it has no folder checkpoints) nor a checkpoint (it has no state.json); "
                + Self.expected)
        #expect(
            refusal("runs/x")
                == "The run folder runs/x has no complete checkpoint: searched for best, latest and step-* "
                + "in runs/x/checkpoints.")
        try folder.write("", to: "other/model.safetensors")
        #expect(refusal("other/model.safetensors") == "The checkpoint other is incomplete: it has no state.json.")
    }

    @Test("the message about a run folder with only damaged checkpoints lists them")
    func resolveAllDamaged() throws {
        try folder.make(maker.place("step-00000010"))
        #expect(
            refusal("runs/x")
                == "The run folder runs/x has no complete checkpoint: searched for best, latest and step-* in "
                + "runs/x/checkpoints. Skipped: The checkpoint runs/x/checkpoints/step-00000010 is incomplete: "
                + "it has no state.json.")
    }

    @Test("readers find a checkpoint while a training writes and removes checkpoints", .timeLimit(.minutes(1)))
    func readersDuringWrites() throws {
        try maker.write(1)
        try maker.writer.pointBest(to: 1)
        repeating { [maker] round in
            let step = 1 + round
            try? maker.write(step)
            try? maker.writer.pointBest(to: step)
            try? maker.writer.keep(0)
        } while: {
            for _ in 1...1000 {
                for name in ["runs/x", maker.place("best"), maker.place("latest")] {
                    #expect(throws: Never.self) { try RunDirectory.resolve(folder.file(name)) }
                }
            }
        }
    }

    // MARK: without links

    /// Replaces the links by folders, like a copy that follows links.
    private func copyLinks() throws {
        for link in ["best", "latest"] {
            let target = try folder.target(maker.place(link))
            try folder.remove(maker.place(link))
            try folder.copy(maker.place(target), to: maker.place(link))
        }
    }

    @Test("best and latest that are copies of checkpoints are recognised, and become links again")
    func copiedLinks() throws {
        for step in [10, 20] { try maker.write(step) }
        try maker.writer.pointBest(to: 10)
        try copyLinks()
        #expect(run.bestStep == 10)
        #expect(run.latestStep == 20)
        #expect(try resolved("runs/x") == 10)
        try maker.write(30)
        try maker.writer.pointBest(to: 20)
        #expect(try folder.target(maker.place("latest")) == "step-00000030")
        #expect(try folder.target(maker.place("best")) == "step-00000020")
        try copyLinks()
        try maker.writer.discard(after: 10)
        #expect(try maker.names() == ["latest", "step-00000010"])
        try maker.writer.pointBest(to: 10)
        try copyLinks()
        try run.empty()
        #expect(try folder.names("runs/x") == [])
    }

    @Test("a folder called latest that holds something else is not replaced")
    func foreignLatest() throws {
        try maker.write(10)
        try folder.remove(maker.place("latest"))
        try folder.make(maker.place("latest"))
        try folder.write("mine", to: maker.place("latest/notes.txt"))
        #expect(
            errorText(in: folder) { try maker.write(20) }
                == "runs/x/checkpoints/latest cannot be replaced or removed: Is a directory.")
        #expect(try folder.names(maker.place("latest")) == ["notes.txt"])
        #expect(try run.checkpointSteps() == [10, 20])
    }

    // MARK: what a crash leaves

    @Test("an unfinished checkpoint is ignored, and removed at the next start")
    func unfinished() throws {
        try maker.write(10)
        let process = try deadProcess()
        for name in [".step-00000020.tmp-\(process)", ".step-00000030.tmp-\(getpid())"] {
            try folder.copy(maker.place("step-00000010"), to: maker.place(name))
        }
        try folder.link(maker.place(".latest.tmp-\(process)"), to: "step-00000020")
        try folder.write("", to: "runs/x/.outcome.json.tmp-\(process)")
        #expect(try run.checkpointSteps() == [10])
        #expect(try run.newestCheckpoint().checkpoint?.state.step == 10)
        #expect(try run.newestCheckpoint().damaged == [])
        try run.prepare()
        #expect(try maker.names() == ["latest", "step-00000010"])
        #expect(try folder.names("runs/x") == ["checkpoints"])
    }

    @Test("leftovers with the id of a running process are removed too, because only one job writes there")
    func idInUse() throws {
        try maker.write(10)
        for name in [".step-00000020.tmp-1", ".step-00000010.old-1"] {
            try folder.copy(maker.place("step-00000010"), to: maker.place(name))
        }
        try run.prepare()
        #expect(try maker.names() == ["latest", "step-00000010"])
    }

    @Test("foreign files are kept at the next start")
    func foreign() throws {
        for name in [".step-20.tmp-999999999", ".notes.tmp-999999999", ".step-00000020.tmp-"] {
            try folder.make(maker.place(name))
        }
        let before = try maker.names()
        try run.prepare()
        #expect(try maker.names() == before)
    }

    @Test("a checkpoint that a writer moved away is restored if the writer died before replacing it")
    func movedAway() throws {
        try maker.write(10)
        let process = try deadProcess()
        try folder.move(maker.place("step-00000010"), to: maker.place(".step-00000010.old-\(process)"))
        try folder.make(maker.place(".step-00000010.tmp-\(process)"))
        try run.prepare()
        #expect(try maker.names() == ["latest", "step-00000010"])
        #expect(try run.newestCheckpoint().checkpoint?.state.step == 10)
    }

    @Test("a checkpoint that a writer moved away is removed if the writer died after replacing it")
    func replaced() throws {
        try maker.write(10)
        try folder.copy(maker.place("step-00000010"), to: maker.place(".step-00000010.old-\(try deadProcess())"))
        try maker.write(10, scale: 2)
        try run.prepare()
        #expect(try maker.names() == ["latest", "step-00000010"])
        #expect(try run.newestCheckpoint().checkpoint?.model.read("output.weight")[0] == 20)
    }

    @Test("the newest checkpoint is found after a crash before `latest` moved")
    func latestBehind() throws {
        for step in [10, 20] { try maker.write(step) }
        try AtomicFile.link(folder.file(maker.place("latest")), to: "step-00000010")
        #expect(try run.newestCheckpoint().checkpoint?.state.step == 20)
    }

    /// The id of a process that has ended.
    private func deadProcess() throws -> Int32 {
        var process: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
        defer { free(arguments[0]) }
        try #require(posix_spawn(&process, "/bin/true", nil, nil, &arguments, nil) == 0)
        var status: Int32 = 0
        try #require(waitpid(process, &status, 0) == process)
        return process
    }
}
