// A real disk that fills, and a real folder that becomes read-only, during training.

import Foundation
import LaunchSupport
import Testing

/// A small file system in memory, mounted in a test's folder; unmounted with the last reference to it.
final class SmallDisk {
    private let path: String

    /// Whether this process may mount file systems.
    static let canMount: Bool = {
        guard let folder = try? TestFolder(), let disk = try? SmallDisk(folder.url(of: "disk"), kilobytes: 64) else {
            return false
        }
        _ = consume disk
        return true
    }()

    init(_ url: URL, kilobytes: Int) throws {
        path = url.path
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        try Self.run("mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", path)
    }

    deinit { try? Self.run("umount", path) }

    func resize(kilobytes: Int) throws { try Self.run("mount", "-o", "remount,size=\(kilobytes)k", path) }

    private static func run(_ words: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Refused(words: words.joined(separator: " ")) }
    }

    struct Refused: Error { let words: String }
}

extension FaultTests {
    @Suite("disks that fill, folders that become read-only")
    struct FullDiskTests {
        /// 12 checkpoints, all kept: 240 KiB each.
        private static let config = """
            task: language-model
            data: {train: text.txt}
            model: {hidden: 64}
            training: {batch: 12, window: 10, steps: 60, optimizer: {name: momentum, learning_rate: 0.1}}
            checkpoint: {every_steps: 5, keep: 50}
            logging: {every_steps: 1}

            """

        private func start(_ folder: TestFolder, ranks: Int) async throws -> MPIRun {
            try await folder.lstmDist("train", "small.yaml", "--run", "run", "--quiet", ranks: ranks)
        }

        @Test(
            "a disk that fills ends neither training nor the last checkpoint; with more space the run ends with the same bits",
            .enabled(if: SmallDisk.canMount, "this process may not mount a file system: run the tests as root"),
            arguments: [1, 2])
        func fullDisk(ranks: Int) async throws {
            let folder = try TestFolder.withText(Self.config)
            let never = try await folder.train("small.yaml", into: "never", ranks: ranks)
            let size = try folder.names(in: never.checkpoint(60)).reduce(0) {
                $0 + (try folder.bytes(of: "\(never.checkpoint(60))/\($1)").count)
            }
            let disk = try SmallDisk(folder.url(of: "run"), kilobytes: 4 * size / 1024)
            let ended = try await start(folder, ranks: ranks)
            #expect(ended.exitCode == 1)
            let lines = ended.errors.split(separator: "\n")
            // The fourth does not fit, and so no later one: 20, 25, … 60. Of these 9 failures the 1st, 2nd, 4th and 8th are reported.
            #expect(lines.count == 4 + 1, "\(ended.errors)")
            let end = " Training continues; the next attempt is at step 40. (4 failures in a row; next warning at 8)"
            #expect(lines.count == 5 && lines[2].hasSuffix(end), "\(ended.errors)")
            let first = try #require(lines.first)
            #expect(
                first.hasPrefix(
                    "warning: the checkpoint of step 20 could not be saved: run/checkpoints/.step-00000020.tmp-"))
            #expect(
                first.hasSuffix(
                    " cannot be written: No space left on device. The last complete checkpoint is "
                        + "run/checkpoints/step-00000015. Training continues; the next attempt is at step 25."))
            #expect(lines.last?.hasPrefix("lstm-dist: the last state (step 60) could not be saved: ") == true)
            try folder.run("run").expectTidy()
            let verified = try await folder.lstmDist("inspect", "run", "--verify")
            #expect(verified.exitCode == 0)
            #expect(verified.output.hasPrefix("checkpoint  run/checkpoints/step-00000015\n"))
            // On a full disk, no run is started.
            let again = try await start(folder, ranks: ranks)
            #expect(again.exitCode == 1)
            #expect(again.errors.contains("run: not enough disk space: "), "\(again.errors)")
            try disk.resize(kilobytes: 40 * size / 1024)
            let whole = try await start(folder, ranks: ranks)
            #expect(whole.exitCode == 0, "\(whole.errors)")
            try expectSame(folder.run("run"), never)
            try folder.run("run").expectTidy()
            withExtendedLifetime(disk) {}
        }

        @Test(
            "a folder that can't be written is refused before any work; one that becomes read-only later does not end training",
            arguments: selection([2], of: [1, 2]))
        func readOnly(ranks: Int) async throws {
            let folder = try TestFolder.withText(
                Self.config.replacing("steps: 60", with: "steps: 2000")
                    .replacing("every_steps: 5", with: "every_steps: 100")
                    .replacing("{train: text.txt}", with: "{train: text.txt, validation_fraction: 0.2}")
                    + "validation: {every_steps: 150}\n")
            let never = try await folder.train("small.yaml", into: "never", ranks: ranks)
            let words = ["train", "small.yaml", "--run", "run", "--quiet"]
            let run = try folder.startUnprivileged(words, ranks: ranks)
            while !folder.has("run/checkpoints/latest"), run.isRunning {
                try await Task.sleep(for: .milliseconds(1))
            }
            try folder.setPermissions("run/checkpoints", 0o555)
            let ended = try await run.result()
            #expect(ended.exitCode == 1)
            #expect(
                ended.errors.contains("Permission denied. The last complete checkpoint is run/checkpoints/step-0000"))
            // The best state so far is also unsaved, and is written first.
            #expect(
                ended.errors.contains(
                    #/warning: the checkpoints of steps (150|300|450|600|750) and \d+00 could not be saved: /#),
                "\(ended.errors)")
            let last = ended.errors.split(separator: "\n").last
            #expect(
                last?.prefixMatch(
                    of: #/lstm-dist: the last state \(step 2000\) and the best \(step \d+\) could not be saved: /#)
                    != nil, "\(ended.errors)")
            #expect(try folder.run("run").lines() == never.lines())
            let again = try await folder.startUnprivileged(words, ranks: ranks).result()
            #expect(again.exitCode == 1)
            #expect(
                again.errors
                    == "lstm-dist: Cannot write into the folder run/checkpoints: Permission denied.\n")
            try folder.setPermissions("run/checkpoints", 0o755)
            try await folder.train("small.yaml", into: "run", ranks: ranks)
            try expectSame(folder.run("run"), never)
        }

        @Test(
            "shared memory without free inodes is not waited for: ranks send messages, and the log has the reason",
            .enabled(if: SmallDisk.canMount, "this process may not mount a file system: run the tests as root"))
        func noInodes() async throws {
            let folder = try TestFolder.withText(onDisk: true)  // the file system in memory is replaced
            let script = """
                mount -t tmpfs -o size=100m,nr_inodes=2 none /dev/shm
                exec mpirun -q -n 2 "$0" train small.yaml --run run --set communication.timeout=20
                """
            let run = try await MPIRun.run(
                URL(filePath: "/usr/bin/unshare"), ["-m", "/bin/bash", "-c", script, try TestFolder.program.path],
                ranks: nil,
                in: folder.url)
            #expect(run.exitCode == 0, "\(run.errors)")
            #expect(
                run.errors.contains(
                    "since the ranks can't share memory: can't create the memory shared by the ranks of this host in "
                        + "/dev/shm: no free inodes (df -i /dev/shm)\n"), "\(run.errors)")
        }
    }
}
