package import FileFormats
import Foundation
import Glibc
package import Kernels
import System

/// Which tuning numbers the kernels use: those of the CPU's family, or those of a file that `bench tune` has written. No
/// result depends on them, so ranks may differ.
package enum TuningChoice {
    /// The variable that names a file.
    package static let variable = "LSTM_DIST_TUNING"

    /// "for Intel Golden Cove", or the file.
    package nonisolated(unsafe) private(set) static var source = "for \(CPUFamily.current.rawValue)"

    /// Uses the numbers of the file that the option or the variable names; without one, the CPU's. Called once, before
    /// anything is computed.
    ///
    /// - Throws: a `CommandError`.
    package static func choose(option: String?) throws {
        let given = ProcessInfo.processInfo.environment[variable].flatMap { $0.isEmpty ? nil : $0 }
        guard let path = option ?? given else { return }
        Tuning.current = try read(path, name: option == nil ? "\(variable)=\(path)" : "--tuning \(path)")
        source = path
    }

    /// The numbers of a file; those that it lacks are the CPU's.
    ///
    /// - Parameter name: for messages.
    static func read(_ path: String, name: String) throws -> Tuning {
        let accepted = "accepted: a file that lstm-dist bench tune --write has written"
        func refusal(_ reason: String) -> CommandError { .usage("\(name): \(reason); \(accepted)") }
        let json: JSONValue
        do {
            let file = try OpenFile.reading(path)
            let size = try file.size()
            guard size <= 65_536 else { throw refusal("it has \(size) bytes") }
            guard let text = String(validating: try file.bytes(at: 0, count: size), as: UTF8.self) else {
                throw refusal("it is not UTF-8")
            }
            json = try JSONValue(parsing: text)
        } catch let error as CommandError {
            throw error
        } catch {
            throw refusal("\(error)".trimmingCharacters(in: CharacterSet(charactersIn: ".")))
        }
        guard let members = json.members else { throw refusal("it is not a JSON object") }
        var tuning = Tuning.tuning(for: .current)
        for (key, value) in members where key != cpuKey {
            guard let number = Tuning.numbers.first(where: { $0.name == key }) else {
                throw refusal("unknown key \"\(key)\"")
            }
            guard let integer = value.integerValue, number.accepted.contains(integer) else {
                throw CommandError.usage(
                    "\(name): \(key) is \(value.text); accepted: \(number.accepted.lowerBound) to "
                        + "\(number.accepted.upperBound)")
            }
            tuning[keyPath: number.path] = integer
        }
        return tuning
    }

    private static let cpuKey = "cpu"

    private static func members(_ tuning: Tuning) -> [(key: String, value: JSONValue)] {
        Tuning.numbers.map { ($0.name, .integer(tuning[keyPath: $0.path])) }
    }

    /// The contents of a file.
    package static func file(_ tuning: Tuning) -> JSONValue {
        .object([(cpuKey, .string(ProcessorCores.modelName))] + members(tuning))
    }

    /// The choice in use, for environment.json and `doctor --json`.
    package static var json: JSONValue {
        .object([("source", .string(source))] + members(Tuning.current))
    }

    /// The choice in use on one line.
    package static var text: String {
        source + ": " + members(Tuning.current).map { "\($0.key) \($0.value.text)" }.joined(separator: ", ")
    }
}

extension Tuning {
    /// A number by its name in files, with the accepted values. A block of 0 would never end; the largest values only
    /// keep memory and arithmetic in bounds.
    package struct Number: Sendable {
        package let name: String
        package let path: any WritableKeyPath<Tuning, Int> & Sendable
        package let accepted: ClosedRange<Int>
    }

    package static let numbers = [
        Number(name: "recurrent_block", path: \.recurrentBlock, accepted: 1...65_536),
        Number(name: "backward_block", path: \.backwardBlock, accepted: 1...65_536),
        Number(name: "input_gradient_block", path: \.inputGradientBlock, accepted: 1...4096),
        Number(name: "input_gradient_rows", path: \.inputGradientRows, accepted: 1...65_536),
        Number(name: "output_block_bytes", path: \.outputBlockBytes, accepted: 1...1 << 30),
        Number(name: "hidden_gradient_block", path: \.hiddenGradientBlock, accepted: 1...65_536),
        Number(name: "hidden_gradient_ahead", path: \.hiddenGradientAhead, accepted: 0...4096),
        Number(name: "leaf_block", path: \.leafBlock, accepted: 0...65_536),
    ]
}
