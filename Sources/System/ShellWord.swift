/// A word for a command line that a user copies into a shell; quoted if a shell would change it.
package func shellWord(_ word: String) -> String {
    func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9": true
        case "-", "_", ".", "/", "=", ",", ":", "+", "@", "%": true
        default: false
        }
    }
    if !word.isEmpty, word.unicodeScalars.allSatisfy(isPlain) { return word }
    return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}
