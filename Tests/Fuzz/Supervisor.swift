import Foundation
import FuzzSupport

/// Starts a worker process for each reader, and reports the mutation at which a worker crashed or hung.
struct Supervisor {
    private let options: FuzzOptions
    private let folder: String

    /// For a build with the address sanitiser: errors end the process by a signal, like other crashes, and allocations
    /// that no file needs are refused.
    private static let sanitizer =
        "abort_on_error=1:detect_leaks=1:max_allocation_size_mb=1024:allocator_may_return_null=0:quarantine_size_mb=16"

    init(_ options: FuzzOptions) throws {
        self.options = options
        folder = try options.keep ?? makeFuzzFolder()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// Returns the exit code: 0, or 1 if a reader failed; the files are kept then.
    func run() throws -> Int32 {
        var failed = false
        for reader in options.readers where try !survives(reader) { failed = true }
        if !failed, options.keep == nil { try FileManager.default.removeItem(atPath: folder) }
        return failed ? 1 : 0
    }

    private func survives(_ reader: FuzzReader) throws -> Bool {
        let worker = Process()
        worker.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        worker.arguments = [
            "--worker", "--reader", reader.name, "--seed", "\(options.seed)", "--from", "\(options.first)", "--keep",
            folder,
            "--mutations", "\(options.mutations ?? reader.fullCount)",
        ]
        if options.packs { worker.arguments?.append("--pack") }
        worker.environment = ProcessInfo.processInfo.environment.merging(["ASAN_OPTIONS": Self.sanitizer]) { _, new in
            new
        }
        worker.standardInput = FileHandle.nullDevice
        try worker.run()
        worker.waitUntilExit()
        if worker.terminationReason == .exit, [0, 1].contains(worker.terminationStatus) {
            return worker.terminationStatus == 0
        }
        try report(worker, reader)
        return false
    }

    private func report(_ worker: Process, _ reader: FuzzReader) throws {
        let code = worker.terminationStatus
        let cause =
            worker.terminationReason == .exit
            ? "ended with code \(code)"
            : code == SIGALRM ? "hung" : "ended by signal \(code) (\(String(cString: strsignal(code))))"
        let progress = try Data(contentsOf: URL(fileURLWithPath: Worker.progressPath(folder, reader)))
        let number = progress.withUnsafeBytes { $0.count >= 8 ? $0.loadUnaligned(as: Int64.self) : -1 }
        let file = reader.path(in: "\(folder)/\(reader.name)")
        let line =
            "\(reader.name), seed \(options.seed), mutation \(number): the reader \(cause); file: \(file); to repeat: "
            + "launch/dev/fuzz \(reader.name) --seed \(options.seed) --from \(number) --mutations 1\n"
        FileHandle.standardError.write(Data(line.utf8))
    }
}
