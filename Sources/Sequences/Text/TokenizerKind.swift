/// The unit of tokens (`data.tokenizer`).
package enum TokenizerKind: String, Sendable, CaseIterable {
    /// A byte of any file: 256 ids, the byte values.
    case byte
    /// A Unicode scalar of UTF-8 text, not normalised; a byte order mark is treated like other characters.
    case character
    /// A word of UTF-8 text, separated by white space (Unicode White_Space); each line ends with `<eos>`.
    case word
}
