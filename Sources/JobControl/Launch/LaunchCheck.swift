import Foundation
package import MPI
package import System

/// Refuses ranks that would not do the same: another executable or another command line. Every check is collective, and what
/// it throws is the same on all ranks.
package enum LaunchCheck {
    /// The executable, its SIMD level and the words it was started with. Collective (MPI_Allgather).
    ///
    /// - Parameter words: the command line without the program's name.
    /// - Throws: a `CommandError` that names the first rank that differs from rank 0.
    package static func checkLaunch(_ words: [String], on communicator: Communicator) throws {
        // First what says most: builds for other levels are other executables, too.
        try Environment.checkLevels(communicator)
        let executable = try communicator.agree { try Executable() }
        if let (other, texts) = try difference(executable.hash, executable.description, on: communicator) {
            throw CommandError.usage(
                "\(other) runs another executable (\(texts[1])) than rank 0 (\(texts[0])); accepted: the same build on every rank"
            ).everywhere
        }
        let line = words.joined(separator: "\0")  // which no word contains
        if let (other, texts) = try difference(Hash64(line), line, on: communicator) {
            let lists = texts.map { $0.isEmpty ? [] : $0.split(separator: "\0", omittingEmptySubsequences: false) }
            let place = zip(lists[0], lists[1]).prefix { $0 == $1 }.count
            let found = lists.map { $0.count > place ? "\"\($0[place])\"" : "nothing more" }
            throw CommandError.usage(
                "\(other) was started with \(found[1]) where rank 0 was started with \(found[0]); accepted: the same command line "
                    + "on every rank"
            ).everywhere
        }
    }

    /// The first rank whose hash isn't rank 0's, with its host, and the descriptions of rank 0 and of that rank; nil if all are
    /// equal. Collective (MPI_Allgather, MPI_Bcast).
    package static func difference(
        _ hash: Hash64, _ words: String, on communicator: Communicator
    ) throws -> (rank: String, texts: [String])? {
        let hashes = try communicator.allgather(hash.value)
        guard let rank = hashes.firstIndex(where: { $0 != hashes[0] }) else { return nil }
        let texts = [try communicator.broadcast(words, root: 0), try communicator.broadcast(words, root: rank)]
        return ("rank \(rank) on \(try communicator.broadcast(Job.hostName, root: rank))", texts)
    }
}

/// The file that this process runs.
private struct Executable: CustomStringConvertible {
    let hash: Hash64
    let description: String

    /// Reads it through memory, also if it has been replaced since: some milliseconds.
    init() throws {
        let path = "/proc/self/exe"
        let bytes = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
        hash = bytes.withUnsafeBytes { Hash64($0) }
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
        description = "\(target ?? path), \(bytes.count) bytes"
    }
}
