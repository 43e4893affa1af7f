package import FileFormats
import Foundation
import JobControl
package import MPI
package import Sequences
import System

/// Size and SHA-256 of the data's files, which are compared between ranks at a start, and with the checkpoint when a
/// run is resumed.
package enum DataFingerprints {
    /// The fingerprints of each split's files, compared over all ranks; .null except on the root.
    ///
    /// Only the first rank of a host reads the files, and any other rank whose files are not the same as the first
    /// rank's. Collective (MPI_Allgather, MPI_Bcast).
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
        let firstText = try host.broadcast(local.text, root: 0)
        let text = reads ? local.text : firstText
        if let (other, texts) = try LaunchCheck.difference(Hash64(text), text, on: communicator) {
            let found = try texts.map { try JSONValue(parsing: $0) }
            let split = data.files.first { found[0][$0.split] != found[1][$0.split] }?.split ?? "train"
            let (remote, local) = descriptions(of: found[1][split], found[0][split])
            throw CommandError.usage(
                "\(other) reads a different data.\(split) from rank 0: \(remote) there, \(local) on rank 0; use "
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

    /// The difference of two splits' files, for a message: size and checksum of the first file that differs, or the
    /// numbers of files. nil means no files.
    static func descriptions(of first: JSONValue?, _ second: JSONValue?) -> (String, String) {
        let (a, b) = (first?.arrayValue ?? [], second?.arrayValue ?? [])
        guard a.count == b.count, let index = a.indices.first(where: { a[$0] != b[$0] }) else {
            return (total(a), total(b))
        }
        let name = a.count == 1 ? "" : "file \(grouped(index + 1)) of \(grouped(a.count)) "
        return (name + description(of: a[index]), name + description(of: b[index]))
    }

    private static func total(_ files: [JSONValue]) -> String {
        guard files.count != 1 else { return description(of: files[0]) }
        guard !files.isEmpty else { return "nothing" }
        return "\(grouped(files.count)) files of \(files.reduce(0) { $0 + ($1["bytes"]?.integerValue ?? 0) }) bytes"
    }

    private static func description(of file: JSONValue) -> String {
        "\(file["bytes"]?.integerValue ?? 0) bytes with SHA-256 \(file["sha256"]?.stringValue ?? "unknown")"
    }

    private static func size(ofFile path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Equal for two paths on one host that refer to the same unchanged file.
    private static func identity(ofFile path: String) -> [Int] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        return [
            Int(bitPattern: UInt(status.st_dev)), Int(bitPattern: UInt(status.st_ino)), Int(status.st_size),
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
        ]
    }
}
