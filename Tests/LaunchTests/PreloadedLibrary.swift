import Foundation
import TestSupport
import Testing

/// A compiled file of Tests/Fixtures/preload: a library that is loaded before others (LD_PRELOAD) and intercepts a
/// program's system calls. It is removed with this object.
final class PreloadedLibrary: Sendable {
    private let folder: TemporaryFolder
    var path: String { folder.file("library.so") }

    init(_ name: String) throws {
        folder = try TemporaryFolder()
        let source = ProjectFiles.folder.appending(path: "Tests/Fixtures/preload/\(name)")
        let compiler = try Process.run(
            URL(filePath: "/usr/bin/cc"),
            arguments: ["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", path, source.path, "-lpthread"])
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
    }
}
