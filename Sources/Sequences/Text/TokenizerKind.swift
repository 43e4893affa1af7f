/// What one token of a text is (`data.tokenizer`).
package enum TokenizerKind: String, Sendable, CaseIterable {
    /// A byte of the file, whatever the file holds: 256 ids, the byte values.
    case byte
    /// A Unicode scalar of UTF-8 text, not normalised; a byte order mark is a character like any other.
    case character
    /// What stands between white space (Unicode White_Space) in UTF-8 text; each line ends with `<eos>`.
    case word
}
