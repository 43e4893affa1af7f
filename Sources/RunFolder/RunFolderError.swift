import FileFormats
import System

/// Errors of run folders and checkpoints. The description is a complete sentence for the user.
///
/// Errors of a single file's contents (`FileFormatError`) or of the system (`SystemError`) pass through unchanged.
package enum RunFolderError: Error, Equatable, Sendable {
    /// A file can't be made in an existing folder.
    case cannotWriteInto(folder: String, code: Int32)
    /// A symbolic link can't be made because the file system has none.
    case noLinks(path: String, code: Int32)

    /// Neither a visible file nor a visible folder; `code` is the system's `errno`.
    case nothingThere(path: String, code: Int32)
    /// A file that isn't a checkpoint's model.
    case notAModel(path: String)
    /// A folder that is neither a run folder nor a checkpoint.
    case notARun(path: String)
    /// A path that must not become a run folder or a part of one; `reason` is a predicate.
    case notARunFolder(path: String, reason: String)
    /// A run folder without a usable checkpoint; `damaged` describes those that were skipped.
    case noCheckpoint(run: String, damaged: [String])
    /// A checkpoint that is missing from the run folder.
    case noCheckpointOfStep(run: String, step: Int)
    /// A checkpoint's folder lacks one of its files.
    case missingFile(checkpoint: String, file: String)
    /// A checkpoint written by a newer version of this program.
    case newerFormat(checkpoint: String, found: Int, known: Int, program: String)
    /// A file's contents are not those it was written with.
    case otherChecksum(checkpoint: String, file: String, found: String, expected: String)
    /// A JSON file of this program lacks a key, or has the wrong kind of value for it (`found`, as JSON).
    case badField(path: String, key: String, found: String?, expected: String)
    /// A link in a run folder that is not as a run makes it; `expected` describes what is expected at `path`.
    case strangeLink(path: String, target: String, expected: String)
    /// state.json names a file by a path, or by a name that no checkpoint file has.
    case strangeName(path: String, name: String)
    /// Another job holds the run folder's lock.
    case held(run: String, holder: String)
    /// This job has lost the run folder's lock; `reason` is a clause.
    case lost(run: String, reason: String)
}

extension RunFolderError: ExitCoded {
    /// 2 where the user named or damaged something, 1 where the system refuses.
    package var exitCode: Int32 {
        switch self {
        case .cannotWriteInto, .noLinks, .lost: 1
        default: 2
        }
    }
}

extension RunFolderError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cannotWriteInto(let folder, let code):
            return "Cannot write into the folder \(folder): \(systemText(code))."
        case .noLinks(let path, let code):
            return "The link \(path) cannot be made: \(systemText(code))."
        case .nothingThere(let path, let code):
            return "\(path) cannot be opened: \(systemText(code)); \(Self.accepted)."
        case .notAModel(let path):
            return "\(path) is a file that is not a checkpoint's model; \(Self.accepted)."
        case .notARun(let path):
            return "\(path) is neither a run folder (it has no folder checkpoints) nor a checkpoint "
                + "(it has no state.json); \(Self.accepted)."
        case .notARunFolder(let path, let reason):
            return "\(path) \(reason); give another --run."
        case .noCheckpoint(let run, let damaged):
            let found = damaged.isEmpty ? "" : " Skipped: " + damaged.joined(separator: " ")
            return "The run folder \(run) has no complete checkpoint: searched for best, latest and step-* "
                + "in \(run)/checkpoints.\(found)"
        case .noCheckpointOfStep(let run, let step):
            return "The run folder \(run) has no checkpoint of step \(step)."
        case .missingFile(let checkpoint, let file):
            return "The checkpoint \(checkpoint) is incomplete: it has no \(shown(file))."
        case .newerFormat(let checkpoint, let found, let known, let program):
            return
                "The checkpoint \(checkpoint) was written by lstm-dist \(shown(program)) in format \(found); this program "
                + "reads formats up to \(known): use that version or a later one."
        case .otherChecksum(let checkpoint, let file, let found, let expected):
            return "The checkpoint \(checkpoint) is damaged: the SHA-256 of \(shown(file)) is \(found), "
                + "but \(shown(expected, limit: 64)) is recorded."
        case .badField(let path, let key, let found, let expected):
            let what = found.map { "has \(shown($0, limit: 200)) for '\(key)'" } ?? "has no '\(key)'"
            return "\(path) \(what); \(expected) is expected."
        case .strangeLink(let path, let target, let expected):
            return "\(path) is a symbolic link to \(shown(target, limit: 200)); \(expected) is expected."
        case .strangeName(let path, let name):
            return "\(path) has a checksum of '\(shown(name))'; the name of a file in the checkpoint's own folder is "
                + "expected: without a slash, and not beginning with a dot."
        case .held(let run, let holder):
            return "The run folder \(run) is in use by \(holder); wait for its end, end it with "
                + "lstm-dist stop \(run), or give another --run."
        case .lost(let run, let reason):
            return
                "The run folder \(run) is no longer this job's: \(reason). The job ends without a checkpoint and leaves the "
                + "folder as it is."
        }
    }

    private static let accepted =
        "a run folder, a checkpoint's folder or the model.safetensors inside one is expected"
}
