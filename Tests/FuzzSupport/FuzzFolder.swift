import FileFormats
import Glibc
import System

/// Creates a folder for mutated files: in memory if possible, because syncing to a disk would slow down the readers.
package func makeFuzzFolder() throws -> String {
    let parent = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(parent)/lstm-dist-fuzz-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError.cannotWrite(path: parent, code: errno) }
    return template.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }  // never empty
}
