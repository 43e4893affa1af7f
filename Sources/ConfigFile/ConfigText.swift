extension Configuration {
    /// The maximum size of a configuration in bytes; a reader may stop there.
    package static let largestText = YAMLReader.largestText

    /// Decodes a configuration file's bytes, which must be UTF-8; the error names the first line that isn't.
    package static func text(of bytes: [UInt8], file: String) throws(ConfigError) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let broken = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
        throw Source.file(name: file, line: broken + 1).error("bytes that are not UTF-8; accepted: YAML in UTF-8")
    }
}
