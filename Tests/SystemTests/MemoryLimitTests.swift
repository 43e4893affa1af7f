import Foundation
import System
import TestSupport
import Testing

@Suite("The limit of memory")
struct MemoryLimitTests {
    /// The limit of a process with these groups, where these files exist.
    private func limit(_ groups: String, _ files: [String: String]) throws -> Double? {
        let root = try TemporaryFolder()
        for (path, text) in files {
            try root.make(URL(filePath: path).deletingLastPathComponent().relativePath)
            try root.write(text, to: path)
        }
        return withExtendedLifetime(root) { MemoryLimit.ofGroups(groups, mountedAt: root.path) }
    }

    @Test("the lowest limit of a process's group and of those around it counts, in both versions of groups")
    func lowest() throws {
        let second = ["memory.max": "max\n", "a/memory.max": "1000\n", "a/b/memory.max": "3000\n"]
        #expect(try limit("0::/a/b\n", second) == 1000)
        #expect(try limit("0::/\n", second) == nil)
        let first = ["memory/memory.limit_in_bytes": "9000\n", "memory/job/memory.limit_in_bytes": "2000\n"]
        #expect(try limit("4:memory:/job\n1:cpu:/job\n0::/\n", first) == 2000)
        #expect(try limit("4:cpu,memory:/elsewhere\n", first) == 9000)
        #expect(try limit("4:cpu:/job\nnonsense\n", first) == nil)
    }

    @Test("this host has some memory")
    func current() { #expect(MemoryLimit.current.bytes > Double(1 << 20)) }
}
