package import FileFormats
import Foundation
package import MPI
package import Sequences

/// Refuses ranks that would not do the same: another executable, another command line, other data. Every check is collective, and
/// what it throws is the same on all ranks.
package enum RankComparison {
    /// The executable, its SIMD level and the words it was started with. Collective (MPI_Allgather).
    ///
    /// - Parameter words: the command line without the program's name.
    /// - Throws: a `TrainingError` that names the first rank that differs from rank 0.
    package static func checkLaunch(_ words: [String], on communicator: Communicator) throws {
        // First what says most: builds for other levels are other executables, too.
        try Environment.checkLevels(communicator)
        let executable = try communicator.agree { try Executable() }
        if let (other, texts) = try difference(executable.hash, executable.description, on: communicator) {
            throw TrainingError.usage(
                "\(other) runs another executable (\(texts[1])) than rank 0 (\(texts[0])); accepted: the same build on every rank"
            ).everywhere
        }
        let line = words.joined(separator: "\0")  // which no word contains
        if let (other, texts) = try difference(ContentHash(line), line, on: communicator) {
            let lists = texts.map { $0.isEmpty ? [] : $0.split(separator: "\0", omittingEmptySubsequences: false) }
            let place = zip(lists[0], lists[1]).prefix { $0 == $1 }.count
            let found = lists.map { $0.count > place ? "\"\($0[place])\"" : "nothing more" }
            throw TrainingError.usage(
                "\(other) was started with \(found[1]) where rank 0 was started with \(found[0]); accepted: the same command line "
                    + "on every rank"
            ).everywhere
        }
    }

    /// Size and checksum of each split's files, the same on all ranks; at the root, .null elsewhere.
    ///
    /// A host's ranks that have the same files open leave the reading to the first of them. Collective (MPI_Allgather, MPI_Bcast).
    ///
    /// - Parameter host: the ranks of this rank's host.
    /// - Throws: a `TrainingError` that names the first rank whose files differ from rank 0's.
    package static func fingerprints(
        of data: TaskData, on communicator: Communicator, host: Communicator
    ) throws -> JSONValue {
        let identity = ContentHash(
            data.files.map { "\($0.split) \($0.paths.map(Self.identity))" }.joined(separator: "\n"))
        let identities = try host.allgather(identity.value)
        let reads = identities[host.rank] != identities[0] || host.isRoot
        let own = try communicator.agree { reads ? try ResumeRules.fingerprints(data) : .null }
        let ofFirst = try host.broadcast(own.text, root: 0)
        let text = reads ? own.text : ofFirst
        if let (other, texts) = try difference(ContentHash(text), text, on: communicator) {
            let found = try texts.map { try JSONValue(parsing: $0) }
            let split = data.files.first { found[0][$0.split] != found[1][$0.split] }?.split ?? "train"
            let words = found.map { $0[split].map { ResumeRules.words($0) } ?? "nothing" }
            throw TrainingError.usage(
                "\(other) reads another text as data.\(split) than rank 0: \(words[1]) there, \(words[0]) on rank 0; accepted: "
                    + "the same files on every host"
            ).everywhere
        }
        return communicator.isRoot ? own : .null
    }

    /// The first rank whose number isn't rank 0's, in words, and what rank 0 and that rank say of themselves; nil if there is none.
    private static func difference(
        _ hash: ContentHash, _ words: String, on communicator: Communicator
    ) throws -> (rank: String, texts: [String])? {
        let hashes = try communicator.allgather(hash.value)
        guard let rank = hashes.firstIndex(where: { $0 != hashes[0] }) else { return nil }
        let texts = [try communicator.broadcast(words, root: 0), try communicator.broadcast(words, root: rank)]
        return ("rank \(rank) on \(try communicator.broadcast(Job.hostName, root: rank))", texts)
    }

    /// What two paths on one host have in common if they lead to the same file, unchanged.
    private static func identity(ofFile path: String) -> [Int] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        return [
            Int(bitPattern: UInt(status.st_dev)), Int(bitPattern: UInt(status.st_ino)), Int(status.st_size),
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
        ]
    }
}

/// The file that this process runs.
private struct Executable: CustomStringConvertible {
    let hash: ContentHash
    let description: String

    /// Reads it through memory, also if it has been replaced since: some milliseconds.
    init() throws {
        let path = "/proc/self/exe"
        let bytes = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
        hash = bytes.withUnsafeBytes { ContentHash($0) }
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
        description = "\(target ?? path), \(bytes.count) bytes"
    }
}
