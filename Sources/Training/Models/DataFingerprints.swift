package import FileFormats
import Foundation
import JobControl
package import MPI
package import Sequences
import System

/// Size and SHA-256 of the data's files: what ranks compare at a start, and a resumed run with its checkpoint.
package enum DataFingerprints {
    /// Of each split's files, the same on all ranks; at the root, .null elsewhere.
    ///
    /// A host's ranks that have the same files open leave the reading to the first of them. Collective (MPI_Allgather,
    /// MPI_Bcast).
    ///
    /// - Parameter host: the ranks of this rank's host.
    /// - Throws: a `CommandError` that names the first rank whose files differ from rank 0's.
    package static func compared(
        of data: TaskData, on communicator: Communicator, host: Communicator
    ) throws -> JSONValue {
        let identity = Hash64(
            data.files.map { "\($0.split) \($0.paths.map(Self.identity))" }.joined(separator: "\n"))
        let identities = try host.allgather(identity.value)
        let reads = identities[host.rank] != identities[0] || host.isRoot
        let local = try communicator.agree { reads ? try json(data) : .null }
        let ofFirst = try host.broadcast(local.text, root: 0)
        let text = reads ? local.text : ofFirst
        if let (other, texts) = try LaunchCheck.difference(Hash64(text), text, on: communicator) {
            let found = try texts.map { try JSONValue(parsing: $0) }
            let split = data.files.first { found[0][$0.split] != found[1][$0.split] }?.split ?? "train"
            let descriptions = found.map { $0[split].map { description(of: $0) } ?? "nothing" }
            throw CommandError.usage(
                "\(other) reads another text as data.\(split) than rank 0: \(descriptions[1]) there, \(descriptions[0]) on rank 0; accepted: "
                    + "the same files on every host"
            ).everywhere
        }
        return communicator.isRoot ? local : .null
    }

    /// The sizes and checksums, by split, in the order of the files.
    static func json(_ data: TaskData) throws -> JSONValue {
        .object(
            try data.files.map { split, paths in
                (
                    split,
                    .array(
                        try paths.map { path in
                            [
                                "bytes": .integer(size(ofFile: path)),
                                "sha256": .string(try Checksum.sha256(ofFile: path)),
                            ]
                        })
                )
            })
    }

    /// Each file's size and checksum, for a message.
    static func description(of files: JSONValue) -> String {
        (files.arrayValue ?? []).map { file in
            "\(file["bytes"]?.integerValue ?? 0) bytes with SHA-256 \(file["sha256"]?.stringValue ?? "unknown")"
        }.joined(separator: ", ")
    }

    private static func size(ofFile path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Equal for two paths on one host that lead to the same file, unchanged.
    private static func identity(ofFile path: String) -> [Int] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        return [
            Int(bitPattern: UInt(status.st_dev)), Int(bitPattern: UInt(status.st_ino)), Int(status.st_size),
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
        ]
    }
}
