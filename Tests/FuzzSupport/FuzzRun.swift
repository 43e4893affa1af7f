import ConfigFile
import FileFormats
import Glibc
import RunFolder
import Sequences
import System
import Training

/// Tests a reader on mutated files, one after the other, in a private folder.
package final class FuzzRun {
    /// The result of one mutated file.
    package enum Verdict: Sendable {
        /// The file was read; with a description of what was read.
        case accepted(String)
        /// It was refused with this message.
        case refused(String)
        /// The reader has an error.
        case failed(String)
    }

    package let reader: FuzzReader
    private let seed: UInt64
    private let place: FuzzReader.Place
    private let mutations: FuzzReader.Mutations
    private let watchesMemory: Bool

    /// - Parameters:
    ///   - folder: exists, and is used only by this run.
    ///   - watchesMemory: checks the whole process's memory; the process must not do anything else then.
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
            return .failed("\(bytes.count) bytes took \(seconds) s of CPU time")
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
            case is FileFormatError, is RunFolderError, is TextError, is TableError, is StreamError, is ConfigError,
                is CommandError,
                is SystemError:
                return fault(in: message).map { .failed("\($0): \(message.prefix(300))") } ?? .refused(message)
            default: return .failed("\(type(of: error)) is not an error type of the program: \(message.prefix(300))")
            }
        }
    }

    /// The first error in a message to the user; nil if there is none.
    private func fault(in message: String) -> String? {
        if !message.contains("\(place.folder)/\(reader.subject)") { return "the message doesn't name the file" }
        if message.utf8.count > Self.longestMessage { return "the message has \(message.utf8.count) bytes" }
        let isClean = message.unicodeScalars.allSatisfy { scalar in
            ![.control, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
        }
        return isClean ? nil : "the message contains control characters"
    }

    private static let longestMessage = 4000

    /// A generous bound that detects endless loops and superlinear time: a few microseconds are normal, several times
    /// that with the sanitiser.
    private static func mostSeconds(_ size: Int) -> Double { 2 + Double(size) / 100_000 }

    /// The bound of the process's growth: 64 bytes per byte of the file, and the sanitiser's quarantine.
    private static func mostMemory(_ size: Int) -> Int { 1 << 25 + 64 * size }

    /// CPU time of this thread.
    private static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// The peak memory of the process in bytes.
    private static var peakMemory: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss << 10
    }
}
