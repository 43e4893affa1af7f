import FileFormats
import Glibc
import System

/// The names of all entries of a run folder. Nothing with another name is ever removed.
enum RunNames {
    static let config = "config.yaml"
    static let environment = "environment.json"
    static let outcome = "outcome.json"
    static let failure = "failure.json"
    static let metrics = "metrics.jsonl"
    static let lock = "lock"
    static let stop = "stop"
    static let checkpoints = "checkpoints"
    static let ranks = "ranks"

    static let model = "model.safetensors"
    static let training = "training.safetensors"
    static let state = "state.json"

    static let best = "best"
    static let latest = "latest"

    /// The names that a task's artifacts may have.
    static let artifacts = ["vocabulary.json", "labels.json", "scaling.json"]

    /// A checkpoint's files, in the order of removal: state.json first, so that the checkpoint is at once incomplete.
    static let inCheckpoint = [state, model, training] + artifacts
    /// The run's files except the lock.
    static let inRun = [config, environment, outcome, failure, metrics, stop]

    static func isFile(_ name: String) -> Bool { inRun.contains(name) }

    /// Whether a name denotes a file directly in a folder. (The system reads a path up to a zero byte.)
    static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
            && name.utf8.first != UInt8(ascii: ".")
    }

    private static let claims = ".lock.claim-"

    /// The name of the claim to a lock of these contents (nil: unreadable contents).
    static func claim(to lock: [UInt8]?) -> String {
        claims + (lock.map { String(Checksum.sha256(of: $0).prefix(16)) } ?? "unreadable")
    }

    static func isClaim(_ name: String) -> Bool { name.hasPrefix(claims) }

    static func isLink(_ name: String) -> Bool { name == best || name == latest }

    /// `step-00000500`.
    static func folder(ofStep step: Int) -> String { "step-" + padded(step, to: 8) }

    /// 500 of `step-00000500`; nil for any other name.
    static func step(ofFolder name: String) -> Int? {
        guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), folder(ofStep: step) == name else {
            return nil
        }
        return step
    }

    /// `rank-00002.json`.
    static func note(ofRank rank: Int) -> String { "rank-\(padded(rank, to: 5)).json" }

    /// 2 of `rank-00002.json`; nil for any other name.
    static func rank(ofNote name: String) -> Int? {
        guard name.hasPrefix("rank-"), name.hasSuffix(".json"), let rank = Int(name.dropFirst(5).dropLast(5)),
            rank >= 0,
            note(ofRank: rank) == name
        else { return nil }
        return rank
    }

    private static func padded(_ number: Int, to length: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, length - digits.count)) + digits
    }
}

/// A name that exists only while its writer works: the new version of `name`, or the old one renamed.
///
/// It ends with the writer's process number and 64 random bits, so that nobody can put a link there beforehand; earlier
/// versions of this program wrote names without those bits.
struct TemporaryName {
    enum Kind: String {
        case new = ".tmp-"
        case old = ".old-"
    }

    /// The name that it replaces.
    let name: String
    let kind: Kind
    let process: Int32

    /// A new temporary name of this process, different at each call.
    static func of(_ name: String, _ kind: Kind) -> String {
        let bits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        return ".\(name)\(kind.rawValue)\(getpid())-\(String(repeating: "0", count: 16 - bits.count))\(bits)"
    }

    /// Parses a temporary name; nil for any other name.
    init?(_ entry: String) {
        guard
            let match = entry.wholeMatch(
                of: #/\.(?<name>.+)(?<kind>\.tmp-|\.old-)(?<process>[0-9]{1,10})(-[0-9a-f]{16})?/#.dotMatchesNewlines()),
            let process = Int32(match.output.process), process > 0,
            let kind = Kind(rawValue: String(match.output.kind))
        else { return nil }
        name = String(match.output.name)
        self.kind = kind
        self.process = process
    }

    /// Its writer is gone: no process of that number exists on this host, or it is this process, which has not written
    /// yet.
    var isAbandoned: Bool { process == getpid() || (kill(process, 0) != 0 && errno == ESRCH) }
}
