package import Foundation

/// The project's files that tests read.
package enum ProjectFiles {
    package static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Reference numbers made with PyTorch and with plain programs.
    package static let fixtures = folder.appending(path: "Tests/Fixtures/pytorch")
}
