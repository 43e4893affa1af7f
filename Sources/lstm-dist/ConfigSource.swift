import ConfigFile
import Foundation
import System
import Training

/// The source of a configuration: a file, standard input, or the embedded default.
enum ConfigSource {
    /// The name in messages.
    static func name(_ argument: String?) -> String {
        switch argument {
        case nil: DefaultConfiguration.name
        case "-": "standard input"
        case let path?: path
        }
    }

    /// The text.
    ///
    /// - Throws: a `CommandError` for a file that can't be read, a `ConfigError` for one that isn't UTF-8.
    static func text(_ argument: String?) throws -> String {
        guard let argument else { return DefaultConfiguration.yaml }
        let data: Data
        do {
            let file =
                argument == "-"
                ? FileHandle.standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: argument))
            data = try file.read(upToCount: Configuration.largestText + 1) ?? Data()
        } catch {
            throw CommandError.usage(
                "\(argument): the configuration can't be read: \(Self.reason(argument)); give a YAML file, or - for "
                    + "standard input")
        }
        guard data.count <= Configuration.largestText else {
            throw ConfigError(
                "\(name(argument)): more than \(Configuration.largestText) bytes of text; accepted: at most that")
        }
        return try Configuration.text(of: Array(data), file: name(argument))
    }

    private static func reason(_ path: String) -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            return "there is no such file"
        }
        return isFolder.boolValue ? "it is a folder" : "permission denied"
    }

    /// `runs/` and the file's name without .yaml or .yml; other endings are kept, as in lr0.001.
    static func defaultRun(_ argument: String?) -> String {
        guard let argument else { return "runs/reber-default" }
        let name = argument.split(separator: "/").last.map(String.init) ?? argument
        let ending = [".yaml", ".yml"].first { name.hasSuffix($0) && name.count > $0.count } ?? ""
        return "runs/" + name.dropLast(ending.count)
    }

    /// Whether the argument is not a file that could give a run its name: standard input, a pipe, or an open file as of
    /// `<(…)`.
    static func isNameless(_ argument: String?) -> Bool {
        guard let argument else { return false }
        if argument == "-" { return true }
        if ["/dev/", "/proc/"].contains(where: { argument.hasPrefix($0) }) { return true }
        var status = stat()
        return stat(argument, &status) == 0 && ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
    }
}
