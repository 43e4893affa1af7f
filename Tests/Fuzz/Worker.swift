import Foundation
import FuzzSupport

/// Examines the mutations of one reader. Before each its number goes to a file beside the mutated one, so that it is known even
/// if this process ends with it.
///
/// The pack of `--pack` is, for each mutation: three numbers of 8 bytes, little-endian (the mutation's, the bytes of the file,
/// the bytes of the words in which it was read, or none if it was refused), then the file, then the words.
struct Worker {
    private let options: FuzzOptions
    private let reader: FuzzReader
    private let folder: String
    private let examined: FuzzRun

    /// Seconds after which a mutation counts as hanging, whatever else the machine does.
    private static let patience: UInt32 = 120

    init(_ options: FuzzOptions) throws {
        guard let reader = options.readers.first, options.readers.count == 1, let keep = options.keep else {
            throw FuzzOptions.Misuse(description: "A worker wants one --reader and --keep.")
        }
        self.options = options
        self.reader = reader
        folder = keep
        let own = "\(keep)/\(reader.name)"
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        examined = try FuzzRun(reader, seed: options.seed, folder: own, watchesMemory: true)
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
            var words = ""
            switch verdict {
            case .accepted(let read):
                accepted += 1
                words = read
            case .refused: refused += 1
            case .failed(let problem):
                failed += 1
                try tell(problem, number)
                if failed == 20 {
                    say("\(reader.name): twenty faults are enough")
                    return 1
                }
            }
            if options.packs { pack(examined.bytes(ofMutation: number), words, number) }
        }
        let seconds = Date().timeIntervalSince(start)
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        say(
            "\(reader.name): \(count) mutations of seed \(options.seed): \(accepted) read, \(refused) refused, "
                + "\(failed) faults, in \(Int(seconds)) s and at most \(usage.ru_maxrss >> 10) MB")
        return failed == 0 ? 0 : 1
    }

    static func progressPath(_ folder: String, _ reader: FuzzReader) -> String { "\(folder)/\(reader.name).progress" }

    private func tell(_ problem: String, _ number: Int) throws {
        let kept = "\(folder)/\(reader.name)-\(options.seed)-\(number)"
        try Data(examined.bytes(ofMutation: number)).write(to: URL(fileURLWithPath: kept))
        say("\(reader.name), seed \(options.seed), mutation \(number): \(problem); the file: \(kept)")
    }

    private func pack(_ bytes: [UInt8], _ words: String, _ number: Int) {
        var record = Data()
        for count in [number, bytes.count, words.utf8.count] {
            withUnsafeBytes(of: UInt64(count).littleEndian) { record.append(contentsOf: $0) }
        }
        FileHandle.standardOutput.write(record + Data(bytes) + Data(words.utf8))
    }

    private func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
