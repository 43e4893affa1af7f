import ConfigFile
import Foundation
import TestSupport
import Testing
import Training

@Suite("The documentation of the keys")
struct ConfigurationPageTests {
    @Test("the page of all keys has the table that `lstm-dist config keys` prints")
    func isCurrent() throws {
        let page = ProjectFiles.folder.appending(
            path: "Sources/lstm-dist/Documentation.docc/ConfigurationKeys.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        #expect(
            text.hasSuffix("\n\n" + ConfigurationTable.all.reference),
            "replace the table of \(page.lastPathComponent) with the output of `lstm-dist config keys`")
    }
}
