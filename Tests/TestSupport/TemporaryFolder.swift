import Foundation

/// A private folder of one test, removed with the last reference to it. Names are relative to it.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = FileManager.default.temporaryDirectory.path + "/test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file, whether it exists or not.
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes bytes and returns their file's path.
    @discardableResult
    package func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    package func write(_ text: String, to name: String) throws { try file(name, Array(text.utf8)) }

    package func bytes(_ name: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: file(name))))
    }

    package func text(_ name: String) throws -> String { try String(contentsOfFile: file(name), encoding: .utf8) }

    /// Inverts one bit of a file; the last byte is 1 from the end.
    package func flipBit(_ name: String, fromEnd offset: Int, bit: Int = 3) throws {
        var bytes = try bytes(name)
        bytes[bytes.count - offset] ^= 1 << UInt8(bit)
        try file(name, bytes)
    }

    package func make(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    }

    package func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: file(name)) }

    package func move(_ name: String, to newName: String) throws {
        try FileManager.default.moveItem(atPath: file(name), toPath: file(newName))
    }

    package func copy(_ name: String, to newName: String) throws {
        try FileManager.default.copyItem(atPath: file(name), toPath: file(newName))
    }

    package func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: file(name), withDestinationPath: target)
    }

    /// The target of a link.
    package func target(_ name: String) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: file(name))
    }

    /// The names in a folder, sorted, hidden ones included; the paths of everything below it if `deep`.
    package func names(_ folder: String, deep: Bool = false) throws -> [String] {
        let manager = FileManager.default
        let path = file(folder)
        return try (deep ? manager.subpathsOfDirectory(atPath: path) : manager.contentsOfDirectory(atPath: path))
            .sorted()
    }
}

/// The text of the error that `body` throws, without the folder's path and the random part of names; "no error" if it
/// throws none.
package func errorText(in folder: TemporaryFolder? = nil, _ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch {
        let text = "\(error)".replacing(#/(\.(tmp|old)-\d+)-[0-9a-f]{16}/#) { "\($0.output.1)" }
        guard let folder else { return text }
        return text.replacingOccurrences(of: folder.path + "/", with: "")
    }
}
