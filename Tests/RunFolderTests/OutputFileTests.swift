import Foundation
import RunFolder
import System
import TestSupport
import Testing

@Suite("files that the user names as outputs")
struct OutputFileTests {
    private struct Interruption: Error {}

    @Test("a regular file is replaced when the new one is complete; an error leaves it, and no other file")
    func replaced() throws {
        let folder = try TemporaryFolder()
        try folder.write("old", to: "file")
        #expect(throws: Interruption.self) {
            try OutputFile.write(to: folder.file("file")) { file in
                try file.write("ne")
                throw Interruption()
            }
        }
        #expect(try folder.text("file") == "old")
        try OutputFile.write("new", to: folder.file("file"))
        #expect(try folder.text("file") == "new")
        #expect(try folder.names(".") == ["file"])
    }

    @Test("links are followed, including chains and links to missing files")
    func links() throws {
        let folder = try TemporaryFolder()
        try folder.make("below")
        try folder.link("first", to: "below/second")
        try folder.link("below/second", to: "../target")
        try OutputFile.write("one", to: folder.file("first"))
        #expect(try folder.text("target") == "one")
        try OutputFile.write("two", to: folder.file("first"))
        #expect(try folder.text("target") == "two")
        #expect(try folder.target("first") == "below/second")
        #expect(try folder.target("below/second") == "../target")
        try folder.link("loop", to: "loop")
        #expect(
            errorText(in: folder) { try OutputFile.write("x", to: folder.file("loop")) }
                == "loop cannot be written: Too many levels of symbolic links.")
    }

    @Test("errors name the path that the user gave")
    func errors() throws {
        let folder = try TemporaryFolder()
        try folder.link("full", to: "/dev/full")
        #expect(
            errorText(in: folder) { try OutputFile.write("x", to: folder.file("full")) }
                == "full cannot be written: No space left on device.")
        #expect(
            errorText(in: folder) { try OutputFile.write("x", to: folder.file("none/x")) }
                == "none/x cannot be written: No such file or directory.")
        try folder.make("folder")
        #expect(OutputFile.problem(of: folder.file("folder")) == "it is a folder")
        #expect(OutputFile.problem(of: folder.file("none/x")) == "there is no folder \(folder.file("none"))")
        #expect(OutputFile.problem(of: folder.file("full")) == nil)
        #expect(OutputFile.problem(of: folder.file("folder/new")) == nil)
    }
}
