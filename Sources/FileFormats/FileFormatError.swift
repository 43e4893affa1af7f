import System

/// What can be wrong with a file that is read or written here. The description is a whole sentence for a user.
package enum FileFormatError: Error, Equatable, Sendable {
    /// The text isn't JSON, or isn't UTF-8; line and column count from 1, columns in bytes.
    case notJSON(source: String, line: Int, column: Int, problem: String)
    /// The file ends before its header does, or the header's stated length is absurd.
    case notSafetensors(path: String, problem: String)
    /// A tensor's entry in the header contradicts itself, its neighbours or the file.
    case badTensor(path: String, tensor: String, problem: String)
    /// No tensor of that name; `names` are those that are there.
    case noSuchTensor(path: String, tensor: String, names: [String])
    /// The tensor's numbers are of a type that isn't converted to Float.
    case unreadableType(path: String, tensor: String, type: String)
    /// The tensor holds `found` numbers, its reader has room for `expected`.
    case otherSize(path: String, tensor: String, shape: [Int], found: Int, expected: Int)
    /// A tensor handed to the writer that no safetensors file can hold.
    case unwritableTensor(tensor: String, problem: String)
}

extension FileFormatError: ExitCoded {
    /// 2 where the user named or made the file, 1 where the system or this program is at fault.
    package var exitCode: Int32 {
        switch self {
        case .unwritableTensor: 1
        case .notJSON, .notSafetensors, .badTensor, .noSuchTensor, .unreadableType, .otherSize: 2
        }
    }
}

extension FileFormatError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notJSON(let source, let line, let column, let problem):
            return "\(source) is not valid JSON: line \(line), column \(column): \(problem)."
        case .notSafetensors(let path, let problem):
            return "\(path) is not a whole safetensors file: \(problem)."
        case .badTensor(let path, let tensor, let problem):
            return "\(path) is not a whole safetensors file: tensor '\(shown(tensor))' \(problem)."
        case .noSuchTensor(let path, let tensor, let names):
            let some = names.prefix(20).map { shown($0) }.joined(separator: ", ")
            let more = names.count > 20 ? ", and \(names.count - 20) more" : ""
            return "\(path) has no tensor '\(shown(tensor))'; it has \(names.isEmpty ? "none" : some + more)."
        case .unreadableType(let path, let tensor, let type):
            return "Tensor '\(shown(tensor))' of \(path) is of type \(type); F32, F64, F16 and BF16 can be read."
        case .otherSize(let path, let tensor, let shape, let found, let expected):
            return
                "Tensor '\(shown(tensor))' of \(path) has \(found) numbers (shape \(shown(shape))); \(expected) are needed."
        case .unwritableTensor(let tensor, let problem):
            return "Tensor '\(tensor)' cannot be written as safetensors: \(problem)."
        }
    }
}
