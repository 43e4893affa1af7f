import System

/// Errors of reading and writing files. The description is a whole sentence for the user.
package enum FileFormatError: Error, Equatable, Sendable {
    /// The text isn't JSON, or isn't UTF-8; line and column count from 1, columns in bytes.
    case notJSON(source: String, line: Int, column: Int, problem: String)
    /// The file is shorter than its header, or the header or its length is invalid.
    case notSafetensors(path: String, problem: String)
    /// A tensor's entry in the header is inconsistent with itself, its neighbours or the file.
    case badTensor(path: String, tensor: String, problem: String)
    /// There is no tensor of that name; `names` are the file's tensors.
    case noSuchTensor(path: String, tensor: String, names: [String])
    /// The tensor's elements have a type that isn't converted to Float.
    case unreadableType(path: String, tensor: String, type: String)
    /// The tensor has `found` elements, its reader expects `expected`.
    case otherSize(path: String, tensor: String, shape: [Int], found: Int, expected: Int)
    /// A tensor that a safetensors file cannot hold was given to the writer.
    case unwritableTensor(tensor: String, problem: String)
}

extension FileFormatError: ExitCoded {
    /// 2 if the error is in the file, which the user named; 1 if it is the system's or this program's.
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
            return "\(path) is not a valid safetensors file: \(problem)."
        case .badTensor(let path, let tensor, let problem):
            return "\(path) is not a valid safetensors file: tensor '\(shown(tensor))' \(problem)."
        case .noSuchTensor(let path, let tensor, let names):
            let first = names.prefix(20).map { shown($0) }.joined(separator: ", ")
            let more = names.count > 20 ? ", and \(names.count - 20) more" : ""
            return "\(path) has no tensor '\(shown(tensor))'; it has \(names.isEmpty ? "none" : first + more)."
        case .unreadableType(let path, let tensor, let type):
            return "Tensor '\(shown(tensor))' of \(path) is of type \(type); F32, F64, F16 and BF16 can be read."
        case .otherSize(let path, let tensor, let shape, let found, let expected):
            return
                "Tensor '\(shown(tensor))' of \(path) has \(found) elements (shape \(shown(shape))) instead of \(expected)."
        case .unwritableTensor(let tensor, let problem):
            return "Tensor '\(tensor)' cannot be written as safetensors: \(problem)."
        }
    }
}
