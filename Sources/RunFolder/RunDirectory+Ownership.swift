package import FileFormats
import Glibc
import System

/// Whether a folder may be used as a run folder. Nothing is changed here.
extension RunDirectory {
    /// Throws if a run would replace or remove foreign files: files with the name of a run's file that this program did
    /// not write. The folder of an earlier run, recognized by its environment.json or a checkpoint, is accepted.
    ///
    /// - Parameter configuration: the path of the configuration that is being read, if it is a file.
    package func requireOwn(reading configuration: String) throws {
        guard !FolderCalls.isSame(path, "/") else {
            throw RunFolderError.notARunFolder(path: path, reason: "is the root folder")
        }
        if FolderCalls.isSame(configuration, file(RunNames.config)) {
            throw RunFolderError.notARunFolder(
                path: file(RunNames.config),
                reason: "is the configuration that is being read, and the run would replace it")
        }
        for name in RunNames.inRun + [RunNames.lock] {
            if let kind = FolderCalls.kind(file(name)), kind == .folder || kind == .other {
                throw SystemError.notRegular(path: file(name))
            }
        }
        guard !hasEnvironment, (try? checkpointSteps())?.isEmpty ?? true else { return }
        for name in RunNames.inRun + [RunNames.lock] where FolderCalls.kind(file(name)) == .file {
            guard isRecognized(name) else {
                throw RunFolderError.notARunFolder(
                    path: file(name),
                    reason: "was not written by lstm-dist, and the run would replace or remove it")
            }
        }
    }

    /// Throws if the folder is missing and can't be made, or exists and can't be written, as far as visible without
    /// trying.
    package func requireWritable() throws {
        var ancestor = path
        var status = stat()
        while stat(ancestor, &status) != 0 {
            guard errno == ENOENT else { throw SystemError.cannotMake(folder: path, code: errno) }
            guard let slash = ancestor.lastIndex(of: "/") else {
                ancestor = "."
                continue
            }
            ancestor = slash == ancestor.startIndex ? "/" : String(ancestor[..<slash])
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw SystemError.cannotMake(folder: path, code: ancestor == path ? EEXIST : ENOTDIR)
        }
        guard access(ancestor, W_OK | X_OK) == 0 else {
            throw ancestor == path
                ? RunFolderError.cannotWriteInto(folder: path, code: errno)
                : SystemError.cannotMake(folder: path, code: errno)
        }
    }

    /// Whether there is an environment.json as this program writes it.
    package var hasEnvironment: Bool { readEnvironment() != nil }

    /// The contents of environment.json; nil if there is none written by this program.
    package func readEnvironment() -> JSONValue? {
        guard FolderCalls.kind(file(RunNames.environment)) == .file,
            let environment = try? Fields(of: file(RunNames.environment)).json,
            environment["version"]?.stringValue != nil, environment["ranks"]?.integerValue != nil
        else { return nil }
        return environment
    }

    /// Whether a file in a folder without a run is what this program writes under that name, or what a crash left of
    /// it.
    private func isRecognized(_ name: String) -> Bool {
        guard let bytes = try? OpenFile.reading(file(name)).bytes(count: 1 << 16) else { return false }
        switch name {
        case RunNames.outcome: return (try? readOutcome()) != nil
        case RunNames.failure: return (try? readFailure()) != nil
        case RunNames.lock: return bytes.allSatisfy { $0 == 0 } || bytes.first == UInt8(ascii: "{")
        case RunNames.stop:
            let text = String(decoding: bytes, as: UTF8.self)
            return text.isEmpty || StopRequest(rawValue: String(text.prefix { !$0.isNewline })) != nil
        case RunNames.metrics:
            guard let line = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1).first else {
                return true
            }
            let json = line.withUnsafeBytes { try? JSONValue(parsing: $0) }
            return json?["split"] != nil && json?["step"] != nil
        default: return false
        }
    }
}
