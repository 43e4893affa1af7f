import ConfigFile
import FileFormats
import Glibc
import RunFolder
import Sequences
import System
import Training

/// A reader under mutated files, one after the other, in a folder of its own.
package final class FuzzRun {
    /// What came of one mutated file.
    package enum Verdict: Sendable {
        /// It was read, in words.
        case accepted(String)
        /// It was refused with this message.
        case refused(String)
        /// The reader is at fault.
        case failed(String)
    }

    package let reader: FuzzReader
    private let seed: UInt64
    private let place: FuzzReader.Place
    private let mutations: FuzzReader.Mutations
    private let watchesMemory: Bool

    /// - Parameters:
    ///   - folder: is there, and the run's alone.
    ///   - watchesMemory: looks at the whole process's memory, which then must do nothing else.
    package init(_ reader: FuzzReader, seed: UInt64, folder: String, watchesMemory: Bool) throws {
        self.reader = reader
        self.seed = seed
        self.watchesMemory = watchesMemory
        place = FuzzReader.Place(folder: folder, path: reader.path(in: folder))
        mutations = try reader.begin(folder)
    }

    /// The bytes of a mutated file: a function of reader, seed and number.
    package func bytes(ofMutation number: Int) -> [UInt8] {
        var random = FuzzRandom(seed: seed, mutation: number)
        return mutations(&random)
    }

    /// Writes the mutated file and has it read.
    package func examine(mutation number: Int) throws -> Verdict {
        var random = FuzzRandom(seed: seed, mutation: number)
        let bytes = mutations(&random)
        try bytes.withUnsafeBytes { try OpenFile.writing(place.path).write($0) }
        let secondsBefore = Self.seconds
        let memoryBefore = Self.peakMemory
        let verdict = read(&random)
        if case .failed = verdict { return verdict }
        let seconds = Self.seconds - secondsBefore
        if seconds > Self.mostSeconds(bytes.count) {
            return .failed("\(bytes.count) bytes took \(seconds) s of processor time")
        }
        let memory = Self.peakMemory - memoryBefore
        if watchesMemory, memory > Self.mostMemory(bytes.count) {
            return .failed("\(bytes.count) bytes took \(memory) bytes of memory")
        }
        return verdict
    }

    private func read(_ random: inout FuzzRandom) -> Verdict {
        do {
            return .accepted(try reader.read(place, &random))
        } catch {
            let message = "\(error)"
            switch error {
            case is FileFormatError, is RunFolderError, is TextError, is StreamError, is ConfigError, is CommandError:
                return fault(in: message).map { .failed("\($0): \(message.prefix(300))") } ?? .refused(message)
            default: return .failed("\(type(of: error)), no error of ours: \(message.prefix(300))")
            }
        }
    }

    /// What a user could not use in a message.
    private func fault(in message: String) -> String? {
        if !message.contains("\(place.folder)/\(reader.subject)") { return "the message doesn't name the file" }
        if message.utf8.count > Self.longestMessage { return "the message has \(message.utf8.count) bytes" }
        let isClean = message.unicodeScalars.allSatisfy { scalar in
            ![.control, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
        }
        return isClean ? nil : "the message holds control characters"
    }

    private static let longestMessage = 4000

    /// A wide bound for what never ends or grows with a power of the size: some microseconds are usual. The sanitiser takes
    /// several times as long.
    private static func mostSeconds(_ size: Int) -> Double { 2 + Double(size) / 100_000 }

    /// By how much the process may have grown: 64 bytes for each of the file's, and what the sanitiser holds back.
    private static func mostMemory(_ size: Int) -> Int { 1 << 25 + 64 * size }

    /// Processor time of this thread.
    private static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// The most memory that the process ever had, in bytes.
    private static var peakMemory: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss << 10
    }
}
