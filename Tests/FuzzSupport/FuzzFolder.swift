import FileFormats
import Glibc
import System

/// Makes a folder for mutated files: in memory, where that can be had, since readers that wait for the disk would wait long.
package func makeFuzzFolder() throws -> String {
    let parent = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(parent)/lstm-dist-fuzz-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError.cannotWrite(path: parent, code: errno) }
    return template.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }  // never empty
}
