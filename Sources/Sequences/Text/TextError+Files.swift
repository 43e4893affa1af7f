import Glibc
import System

extension TextError {
    /// The message for a file that can't be mapped.
    init(_ failure: MappedFile.Failure, path: String, place: String) {
        self =
            switch failure {
            case .missing: .missing(path: path, place: place, workingDirectory: Self.workingDirectory)
            case .notAFile(let found): .notAFile(path: path, place: place, found: found)
            case .empty: .empty(path: path, place: place)
            case .unreadable(let reason, let isSystemFault):
                .unreadable(path: path, place: place, reason: reason, isSystemFault: isSystemFault)
            }
    }

    private static var workingDirectory: String {
        guard let path = getcwd(nil, 0) else { return "gone" }
        defer { free(path) }
        return String(cString: path)
    }
}
