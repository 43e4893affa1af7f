import Glibc

/// Free space on a disk.
package enum DiskSpace {
    /// Bytes that this user may still write to the file system of `path`; nil if unknown.
    package static func free(at path: String) -> Double? {
        var status = statvfs()
        guard statvfs(path, &status) == 0, status.f_blocks > 0 else { return nil }
        return Double(status.f_bavail) * Double(status.f_frsize)
    }
}
