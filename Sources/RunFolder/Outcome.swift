import FileFormats
import System

/// The contents of outcome.json: the state of a run. A file, because mpirun changes exit codes.
package struct Outcome: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        case running, done, stopped, failed
    }

    package var state: State
    /// Optimiser steps done.
    package var step: Int
    /// A sentence: why the run ended, or what it is doing.
    package var reason: String
    /// The command that resumes the run, if it can be resumed.
    package var next: String?

    package init(state: State, step: Int, reason: String, next: String? = nil) {
        self.state = state
        self.step = step
        self.reason = reason
        self.next = next
    }

    var json: JSONValue {
        [
            "state": .string(state.rawValue), "step": .integer(step), "reason": .string(reason),
            "next": next.map { .string($0) } ?? .null,
        ]
    }

    init(_ fields: Fields) throws {
        let names = State.allCases.map(\.rawValue).joined(separator: ", ")
        let state = try fields.value("state", "one of \(names)") { $0.stringValue.flatMap(State.init(rawValue:)) }
        self.init(
            state: state, step: try fields.count("step"), reason: try fields.string("reason"),
            next: fields.json["next"]?.stringValue)
    }
}

/// The members of a JSON file that this program wrote; errors name file and key. Unknown members are ignored: a newer
/// program may have written them.
struct Fields {
    let json: JSONValue
    let path: String

    init(of path: String) throws {
        try self.init(parsing: OpenFile.reading(path).text(), from: path)
    }

    init(parsing bytes: [UInt8], from path: String) throws {
        json = try bytes.withUnsafeBytes { try JSONValue(parsing: $0, from: path) }
        self.path = path
    }

    func value<Value>(_ key: String, _ expected: String, _ convert: (JSONValue) -> Value?) throws -> Value {
        let found = json[key]
        guard let value = found.flatMap(convert) else {
            throw RunFolderError.badField(path: path, key: key, found: found?.text, expected: expected)
        }
        return value
    }

    func string(_ key: String) throws -> String { try value(key, "a text") { $0.stringValue } }

    func integer(_ key: String) throws -> Int { try value(key, "a whole number") { $0.integerValue } }

    func count(_ key: String) throws -> Int {
        let count = try value(key, "a whole number, 0 or more") { json in
            json.integerValue.flatMap { $0 >= 0 ? $0 : nil }
        }
        // So that adding to it or multiplying it with a size cannot overflow Int.
        guard count <= Self.largestCount else {
            throw RunFolderError.badField(
                path: path, key: key, found: "\(count)", expected: "a whole number, at most \(Self.largestCount)")
        }
        return count
    }

    /// 2^40: a step each millisecond for 35 years.
    static let largestCount = 1 << 40
}
