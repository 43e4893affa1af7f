import Foundation
import Sequences
import TestSupport
import Testing

@Suite("Files of a split")
struct TextFilesTests {
    private static let accepted =
        #"accepted: paths and patterns (such as "texts/*.txt") of readable files that aren't empty"#
    private let place = "configs/a.yaml, line 3: data.train"
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func open(_ names: String...) throws -> TextFiles {
        try TextFiles(patterns: names.map { folder.path + "/" + $0 }, place: place)
    }

    private func names(_ files: TextFiles) -> [String] {
        files.paths.map { String($0.dropFirst(folder.path.count + 1)) }
    }

    @Test("a glob's files are sorted, patterns keep their order")
    func order() throws {
        for name in ["b.txt", "a.txt", "B.txt", "c.md", "é.txt"] { try folder.write("12".utf8, as: name) }
        let files = try open("c.md", "*.txt", "a.txt")
        #expect(names(files) == ["c.md", "B.txt", "a.txt", "b.txt", "é.txt", "a.txt"])
        #expect(files.byteCount == 12)
    }

    @Test("an existing file whose name looks like a glob is taken literally")
    func literalBrackets() throws {
        try folder.write("1".utf8, as: "part[1].txt")
        try folder.write("22".utf8, as: "part1.txt")
        #expect(try names(open("part[1].txt")) == ["part[1].txt"])
        #expect(try names(open("part[1-2].txt")) == ["part1.txt"])
        #expect(try names(open("part?.txt")) == ["part1.txt"])
    }

    @Test("a pattern without a match is refused with its location in the configuration")
    func noMatch() {
        let error = textFailure { _ = try open("*.nothing") }
        #expect(
            error?.description == "\(place): no file matches the pattern \"\(folder.path)/*.nothing\"; \(Self.accepted)"
        )
        #expect(error?.exitCode == 2)
    }

    @Test("a missing file is refused with its location, a relative path also with the working directory")
    func missing() {
        let absolute = textFailure { _ = try open("gone.txt") }
        #expect(absolute?.description == "\(place): there is no file \"\(folder.path)/gone.txt\"; \(Self.accepted)")
        #expect(absolute?.exitCode == 2)
        let relative = textFailure { _ = try TextFiles(patterns: ["gone/gone.txt"], place: "--data") }
        let directory = FileManager.default.currentDirectoryPath
        #expect(
            relative?.description
                == "--data: there is no file \"gone/gone.txt\" (the working directory is \(directory)); \(Self.accepted)"
        )
    }

    @Test(
        "a path through a file, an empty path and one with a zero byte don't exist",
        arguments: ["/a.txt/b", "", "/a.txt\0"])
    func oddPaths(_ end: String) throws {
        try folder.write("a".utf8, as: "a.txt")
        let path = end.isEmpty ? "" : folder.path + end
        let directory = FileManager.default.currentDirectoryPath
        let error = textFailure { _ = try TextFiles(patterns: [path], place: place) }
        #expect(error == .missing(path: path, place: place, workingDirectory: directory))
    }

    @Test("a list without a file is refused")
    func noFile() {
        let error = textFailure { _ = try TextFiles(patterns: [], place: place) }
        #expect(error?.description == "\(place): the list has no files; \(Self.accepted)")
        #expect(error?.exitCode == 2)
    }

    @Test("a directory, a named pipe and a device are refused")
    func otherKinds() throws {
        let error = textFailure { _ = try TextFiles(patterns: [folder.path], place: place) }
        #expect(error?.description == "\(place): \"\(folder.path)\" is a directory; \(Self.accepted)")
        #expect(error?.exitCode == 2)
        let pipe = folder.path + "/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(
            textFailure { _ = try TextFiles(patterns: [pipe], place: place) }
                == .notAFile(path: pipe, place: place, found: "a named pipe"))
        #expect(
            textFailure { _ = try TextFiles(patterns: ["/dev/null"], place: place) }
                == .notAFile(path: "/dev/null", place: place, found: "a socket or a device"))
    }

    @Test("an empty file is refused, also among others")
    func empty() throws {
        try folder.write("a".utf8, as: "a.txt")
        let path = try folder.write([], as: "b.txt")
        let error = textFailure { _ = try open("*.txt") }
        #expect(error?.description == "\(place): the file \"\(path)\" is empty; \(Self.accepted)")
        #expect(error?.exitCode == 2)
    }

    @Test("an unreadable file is refused with the system's reason")
    func unreadable() throws {
        let path = folder.path + "/loop"
        #expect(symlink("loop", path) == 0)
        let error = textFailure { _ = try open("loop") }
        #expect(error?.description == "\(place): the file \"\(path)\" can't be read: Too many levels of symbolic links")
        #expect(error?.exitCode == 2)
    }

    @Test("a file without read permission is refused", .enabled(if: geteuid() != 0, "root may read all files"))
    func forbidden() throws {
        let path = try folder.write("a".utf8, as: "a.txt")
        #expect(chmod(path, 0) == 0)
        let error = textFailure { _ = try open("a.txt") }
        #expect(error?.description == "\(place): the file \"\(path)\" can't be read: Permission denied")
        #expect(error?.exitCode == 2)
    }

    @Test("errors of the system exit with 1")
    func systemFaults() {
        let full = TextError.unreadable(
            path: "a", place: "--data", reason: "Cannot allocate memory", isSystemFault: true)
        #expect(full.exitCode == 1)
        #expect(full.description == "--data: the file \"a\" can't be read: Cannot allocate memory")
        let memory = TextError.outOfMemory(bytes: 123)
        #expect(memory.exitCode == 1)
        #expect(memory.description == "not enough memory: a table of 123 bytes is needed to count words")
    }
}
