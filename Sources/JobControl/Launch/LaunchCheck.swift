import Foundation
package import MPI
package import System

/// Throws if ranks would not do the same: different executables or command lines. Every check is collective, and throws
/// the same error on all ranks.
package enum LaunchCheck {
    /// Compares the executable, its SIMD level and the command line. Collective (MPI_Allgather).
    ///
    /// - Parameter arguments: the command line without the program's name.
    /// - Throws: a `CommandError` that names the first rank that differs from rank 0.
    package static func checkLaunch(_ arguments: [String], on communicator: Communicator) throws {
        // The most specific message first: builds for other levels are different executables, too.
        try Environment.checkLevels(communicator)
        let executable = try communicator.agree { try Executable() }
        if let (other, texts) = try difference(executable.hash, executable.description, on: communicator) {
            throw CommandError.usage(
                "\(other) runs a different executable (\(texts[1])) from rank 0 (\(texts[0])); use the same build on every rank"
            ).everywhere
        }
        let line = arguments.joined(separator: "\0")  // which no argument contains
        if let (other, texts) = try difference(Hash64(line), line, on: communicator) {
            let lists = texts.map { $0.isEmpty ? [] : $0.split(separator: "\0", omittingEmptySubsequences: false) }
            let index = zip(lists[0], lists[1]).prefix { $0 == $1 }.count
            let found = lists.map { $0.count > index ? "\"\($0[index])\"" : "no further argument" }
            throw CommandError.usage(
                "\(other) was started with \(found[1]) where rank 0 was started with \(found[0]); use the same command line "
                    + "on every rank"
            ).everywhere
        }
    }

    /// The first rank whose hash differs from rank 0's, with its host, and the descriptions of rank 0 and of that rank;
    /// nil if all are equal. Collective (MPI_Allgather, MPI_Bcast).
    package static func difference(
        _ hash: Hash64, _ description: String, on communicator: Communicator
    ) throws -> (rank: String, texts: [String])? {
        let hashes = try communicator.allgather(hash.value)
        guard let rank = hashes.firstIndex(where: { $0 != hashes[0] }) else { return nil }
        let texts = [
            try communicator.broadcast(description, root: 0), try communicator.broadcast(description, root: rank),
        ]
        return ("rank \(rank) on \(try communicator.broadcast(Job.hostName, root: rank))", texts)
    }
}

/// The executable file of this process.
private struct Executable: CustomStringConvertible {
    let hash: Hash64
    let description: String

    /// Maps and hashes the file, even if it has been replaced since the start; takes some milliseconds.
    init() throws {
        let path = "/proc/self/exe"
        let bytes = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
        hash = bytes.withUnsafeBytes { Hash64($0) }
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
        description = "\(target ?? path), \(bytes.count) bytes"
    }
}
