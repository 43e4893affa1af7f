import Foundation
import Testing

/// A temporary folder of one test, removed when the test ends.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/formats-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes bytes and returns their path.
    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        try #require(FileManager.default.createFile(atPath: file(name), contents: Data(bytes)))
        return file(name)
    }

    func bytes(_ name: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: URL(fileURLWithPath: file(name)))) }
}

/// The text of the error that `body` throws, without the folder's path; "no error" if it throws none.
func errorText(in folder: TemporaryFolder? = nil, _ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch {
        guard let folder else { return "\(error)" }
        return "\(error)".replacingOccurrences(of: folder.path + "/", with: "")
    }
}
