import ConfigFile
import Foundation
import Testing
import Training

@Suite("The documentation of the keys")
struct ConfigurationPageTests {
    @Test("the page of all keys has the table that `lstm-dist config keys` prints")
    func isCurrent() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/lstm-dist/Documentation.docc/ConfigurationKeys.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        #expect(
            text.hasSuffix("\n\n" + ConfigurationTable.all.reference),
            "put the output of `lstm-dist config keys` in place of the table of \(page.lastPathComponent)")
    }
}
