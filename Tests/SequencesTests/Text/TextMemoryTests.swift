import Foundation
import Sequences
import TestSupport
import Testing

@Suite("Memory of a large text")
struct TextMemoryTests {
    // Measured in a separate process, because tests run concurrently. 40 MB as an array of tokens would take 160 MB as
    // characters and 28 MB as words, as Strings more; 1 to 2 MB are needed.
    @Test(
        "40 MB of text take less than 6 MB of anonymous memory to count, index and read",
        arguments: TokenizerKind.allCases)
    func largeText(_ kind: TokenizerKind) async {
        await #expect(processExitsWith: .success) { [name = kind.rawValue as String] in
            let kind = try #require(TokenizerKind(rawValue: name))
            let folder = try TemporaryFolder()
            let path = try writeLargeText(in: folder)
            let growth = try await anonymousGrowth {
                try withExtendedLifetime(folder) { try readAll(of: path, kind) }
            }
            #expect(growth < 6 << 20, "grew by \(growth) bytes")
        }
    }
}

/// 40 MB of about 20,000 distinct words, with characters beyond ASCII.
private func writeLargeText(in folder: TemporaryFolder) throws -> String {
    var random = SeededRandom(1)
    let names = (0..<20_000).map { "w\($0 * 7) " }
    let path = try folder.write([], as: "large.txt")
    let file = try #require(FileHandle(forWritingAtPath: path))
    var size = 0
    while size < 40_000_000 {
        var piece = ""
        for _ in 0..<20_000 { piece += names[Int(random.next() >> 32) % names.count] }
        piece += "é\n"
        try file.write(contentsOf: Data(piece.utf8))
        size += piece.utf8.count
    }
    try file.close()
    return path
}

private func readAll(of path: String, _ kind: TokenizerKind) throws {
    let files = try TextFiles(patterns: [path], place: "test")
    let vocabulary: Vocabulary =
        switch kind {
        case .byte: .bytes
        case .character: try .ofCharacters(in: files)
        case .word: try .ofWords(in: files, size: 10_000)
        }
    let text = try TokenText(files, vocabulary: vocabulary)
    #expect(text.count > (kind == .word ? 5_000_000 : 39_000_000))
    var cursor = try text.cursor(at: 0)
    var sum = 0
    try withUnsafeTemporaryAllocation(of: Int32.self, capacity: 1000) { run in
        while cursor.position + run.count <= text.count {
            try cursor.read(into: run)
            sum += Int(run[0])
        }
    }
    #expect(sum > 0)
}

/// The maximum growth of this process's anonymous memory while `body` runs, in bytes, sampled every millisecond.
private func anonymousGrowth(while body: () throws -> Void) async throws -> Int {
    // Twice, so that reading the file has already allocated its memory.
    _ = anonymousMemory()
    let before = try #require(anonymousMemory())
    let watch = Task.detached {
        var most = 0
        while !Task.isCancelled {
            most = max(most, try #require(anonymousMemory()))
            usleep(1000)
        }
        return max(most, try #require(anonymousMemory()))
    }
    let result = Result { try body() }
    watch.cancel()
    let most = try await watch.value
    try result.get()
    return most - before
}
