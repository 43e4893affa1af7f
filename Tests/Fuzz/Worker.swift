import Foundation
import FuzzSupport

/// Tests the mutations of one reader. Each mutation's index is first written to a progress file, so that it is known
/// even if this process crashes.
///
/// The record that `--pack` writes for each mutation: three little-endian integers of 8 bytes (the mutation's index,
/// the size of the file, the size of the description of what was read, 0 if it was refused), the file, the description.
struct Worker {
    private let options: FuzzOptions
    private let reader: FuzzReader
    private let folder: String
    private let examined: FuzzRun

    /// Seconds after which a mutation counts as hanging, even on a busy machine.
    private static let patience: UInt32 = 120

    init(_ options: FuzzOptions) throws {
        guard let reader = options.readers.first, options.readers.count == 1, let keep = options.keep else {
            throw FuzzOptions.Misuse(description: "--worker requires one --reader, and --keep.")
        }
        self.options = options
        self.reader = reader
        folder = keep
        let runFolder = "\(keep)/\(reader.name)"
        try FileManager.default.createDirectory(atPath: runFolder, withIntermediateDirectories: true)
        examined = try FuzzRun(reader, seed: options.seed, folder: runFolder, watchesMemory: true)
    }

    /// Returns the exit code: 0, or 1 if the reader failed.
    func run() throws -> Int32 {
        let progress = open(Self.progressPath(folder, reader), O_WRONLY | O_CREAT | O_TRUNC, 0o666)
        let count = options.mutations ?? reader.fullCount
        let start = Date()
        var accepted = 0
        var refused = 0
        var failed = 0
        for number in options.first..<options.first + count {
            alarm(Self.patience)
            var stored = Int64(number)
            pwrite(progress, &stored, 8, 0)
            let verdict = try examined.examine(mutation: number)
            var description = ""
            switch verdict {
            case .accepted(let read):
                accepted += 1
                description = read
            case .refused: refused += 1
            case .failed(let problem):
                failed += 1
                try report(problem, number)
                if failed == 20 {
                    log("\(reader.name): stopped after twenty failures")
                    return 1
                }
            }
            if options.packs { pack(examined.bytes(ofMutation: number), description, number) }
        }
        let seconds = Date().timeIntervalSince(start)
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        log(
            "\(reader.name): \(count) mutations of seed \(options.seed): \(accepted) read, \(refused) refused, "
                + "\(failed) failed, in \(Int(seconds)) s and at most \(usage.ru_maxrss >> 10) MB")
        return failed == 0 ? 0 : 1
    }

    static func progressPath(_ folder: String, _ reader: FuzzReader) -> String { "\(folder)/\(reader.name).progress" }

    private func report(_ problem: String, _ number: Int) throws {
        let kept = "\(folder)/\(reader.name)-\(options.seed)-\(number)"
        try Data(examined.bytes(ofMutation: number)).write(to: URL(fileURLWithPath: kept))
        log("\(reader.name), seed \(options.seed), mutation \(number): \(problem); file: \(kept)")
    }

    private func pack(_ bytes: [UInt8], _ description: String, _ number: Int) {
        var record = Data()
        for count in [number, bytes.count, description.utf8.count] {
            withUnsafeBytes(of: UInt64(count).littleEndian) { record.append(contentsOf: $0) }
        }
        FileHandle.standardOutput.write(record + Data(bytes) + Data(description.utf8))
    }

    private func log(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
