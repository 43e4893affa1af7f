import Foundation
import Testing

/// A folder of a test's own, gone when the test ends.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/run-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ text: String, to name: String) throws {
        try #require(FileManager.default.createFile(atPath: file(name), contents: Data(text.utf8)))
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: file(name), encoding: .utf8) }

    /// Turns one bit of a file over; the last byte is 1 from the end.
    func flipBit(_ name: String, fromEnd place: Int, bit: Int = 3) throws {
        var data = try Data(contentsOf: URL(fileURLWithPath: file(name)))
        data[data.count - place] ^= 1 << UInt8(bit)
        try data.write(to: URL(fileURLWithPath: file(name)))
    }

    func make(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: file(name)) }

    func move(_ name: String, to other: String) throws {
        try FileManager.default.moveItem(atPath: file(name), toPath: file(other))
    }

    func copy(_ name: String, to other: String) throws {
        try FileManager.default.copyItem(atPath: file(name), toPath: file(other))
    }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: file(name), withDestinationPath: target)
    }

    /// What a link says.
    func target(_ name: String) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: file(name))
    }

    /// The names in a folder, sorted, hidden ones included; of everything below it with their paths if `deep`.
    func names(_ folder: String, deep: Bool = false) throws -> [String] {
        let manager = FileManager.default
        let path = file(folder)
        return try (deep ? manager.subpathsOfDirectory(atPath: path) : manager.contentsOfDirectory(atPath: path))
            .sorted()
    }
}

/// The text of the error that `body` throws, with the folder's path and the random part of names left out; "no error" if it throws
/// none.
func errorText(in folder: TemporaryFolder? = nil, _ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch {
        let text = "\(error)".replacing(#/(\.(tmp|old)-\d+)-[0-9a-f]{16}/#) { "\($0.output.1)" }
        guard let folder else { return text }
        return text.replacingOccurrences(of: folder.path + "/", with: "")
    }
}
