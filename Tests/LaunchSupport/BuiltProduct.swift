// Locates the programs of a build.

package import Foundation

/// Finds this package's executables.
package enum BuiltProduct {
    /// The environment variable that names their folder, if it differs from this test program's.
    package static let variable = "LSTM_DIST_BIN_DIR"

    /// The path of an executable.
    package static func named(_ name: String) throws -> URL {
        let program = folder.appending(path: name)
        guard FileManager.default.isExecutableFile(atPath: program.path) else {
            throw Missing(name: name, folder: folder.path)
        }
        return program
    }

    private static var folder: URL {
        if let named = ProcessInfo.processInfo.environment[variable] { return URL(filePath: named) }
        return URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    }

    /// The program does not exist.
    package struct Missing: Error, CustomStringConvertible {
        let name: String
        let folder: String
        package var description: String {
            "There is no program \(name) in \(folder). Build it (swift build), or name its folder with \(variable)."
        }
    }
}
