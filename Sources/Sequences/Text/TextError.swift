package import FileFormats
import System

/// Errors of texts, their files and vocabularies. `description` is the whole message for the user.
///
/// `place` is where the user named the files, such as `configs/a.yaml, line 3: data.train`. Lines count from 1, byte
/// offsets from 0.
package enum TextError: Error, Equatable, Sendable, ExitCoded {
    case noFileNamed(place: String)
    case noMatch(pattern: String, place: String)
    case missing(path: String, place: String, workingDirectory: String)
    /// `escaped` is the path with `\xE9` in place of bytes that are not printable ASCII.
    case nameNotUTF8(escaped: String, place: String)
    /// `found` is the kind of the path, such as "a directory".
    case notAFile(path: String, place: String, found: String)
    case empty(path: String, place: String)
    /// `reason` is the system's message; `isSystemFault` if the cause is the system and not this file.
    case unreadable(path: String, place: String, reason: String, isSystemFault: Bool)
    case compressed(path: String, place: String, failure: CompressedFile.Failure)
    case binary(path: String, offset: Int, tokenizer: TokenizerKind)
    case invalidUTF8(path: String, line: Int, offset: Int, byte: UInt8, tokenizer: TokenizerKind)
    case utf16(path: String)
    /// The file has a byte order mark and nothing else.
    case onlyMark(path: String)
    /// The file has changed since it was opened.
    case changed(path: String)
    case longWord(path: String, line: Int, offset: Int, longest: Int)
    case unknownCharacter(Unicode.Scalar, path: String, line: Int, offset: Int, vocabularySize: Int)
    /// `position` counts the prompt's characters from 1.
    case unknownPromptCharacter(Unicode.Scalar, position: Int, vocabularySize: Int)
    case vocabularyTooSmall(size: Int)
    /// `found` is a clause that describes the error in the file at `path`.
    case invalidVocabulary(path: String, found: String)
    case outOfMemory(bytes: Int)

    /// 2 for errors in the user's file, text or prompt, 1 for errors of the system.
    package var exitCode: Int32 {
        switch self {
        case .unreadable(_, _, _, isSystemFault: true), .outOfMemory, .compressed(_, _, failure: .outOfMemory): 1
        default: 2
        }
    }
}

extension TextError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noFileNamed(let place):
            "\(shownPath(place)): the list has no files; accepted: \(Self.acceptedFiles)"
        case .noMatch(let pattern, let place):
            "\(shownPath(place)): no file matches the pattern \"\(shownPath(pattern))\"; accepted: \(Self.acceptedFiles)"
        case .nameNotUTF8(let escaped, let place):
            "\(shownPath(place)): the file name \(escaped) is not UTF-8; accepted: file names in UTF-8"
        case .missing(let path, let place, let directory):
            path.hasPrefix("/")
                ? "\(shownPath(place)): there is no file \"\(shownPath(path))\"; accepted: \(Self.acceptedFiles)"
                : "\(shownPath(place)): there is no file \"\(shownPath(path))\" (the working directory is \(shownPath(directory))); "
                    + "accepted: \(Self.acceptedFiles)"
        case .notAFile(let path, let place, let found):
            "\(shownPath(place)): \"\(shownPath(path))\" is \(found); accepted: \(Self.acceptedFiles)"
        case .empty(let path, let place):
            "\(shownPath(place)): the file \"\(shownPath(path))\" is empty; accepted: \(Self.acceptedFiles)"
        case .unreadable(let path, let place, let reason, _):
            "\(shownPath(place)): the file \"\(shownPath(path))\" can't be read: \(reason)"
        case .compressed(let path, let place, let failure):
            "\(shownPath(place)): the file \"\(shownPath(path))\" can't be decompressed: " + Self.reason(failure)
        case .binary(let path, let offset, let tokenizer):
            "\(shownPath(path)), byte offset \(offset): found a zero byte, so this is a binary file; "
                + Self.accepted(by: tokenizer)
        case .invalidUTF8(let path, let line, let offset, let byte, let tokenizer):
            "\(shownPath(path)), line \(line), byte offset \(offset): invalid UTF-8 (byte \(Self.hexadecimal(byte))); "
                + Self.accepted(by: tokenizer)
        case .utf16(let path):
            "\(shownPath(path)): found text in UTF-16; accepted: text in UTF-8 (iconv -f UTF-16 -t UTF-8)"
        case .onlyMark(let path):
            "the file \"\(shownPath(path))\" is empty except for a byte order mark; accepted: \(Self.acceptedFiles)"
        case .changed(let path):
            "\(shownPath(path)): the file has changed since it was opened; files must not change while they are in "
                + "use. With the original text, the same command resumes from the last checkpoint"
        case .longWord(let path, let line, let offset, let longest):
            "\(shownPath(path)), line \(line), byte offset \(offset): found more than \(longest) bytes without white space; "
                + "data.tokenizer: word accepts words of at most \(longest) bytes, "
                + "data.tokenizer: character has no such limit"
        case .unknownCharacter(let scalar, let path, let line, let offset, let size):
            "\(shownPath(path)), line \(line), byte offset \(offset): the character \(Self.name(of: scalar)) is not in the training "
                + "text; accepted: \(Self.characters(size)) of data.train, or with data.tokenizer: byte any file"
        case .unknownPromptCharacter(let scalar, let position, let size):
            "the prompt's character \(position), \(Self.name(of: scalar)), is not in the vocabulary; "
                + "accepted: \(Self.characters(size)) of the training text"
        case .vocabularyTooSmall(let size):
            "the vocabulary's size is \(size); accepted: 2 or more, because <unk> and <eos> count in it"
        case .invalidVocabulary(let path, let found):
            "\(shownPath(path)) is not a vocabulary: \(found); accepted: a vocabulary.json of a checkpoint"
        case .outOfMemory(let bytes):
            "not enough memory: a table of \(bytes) bytes is needed to count words"
        }
    }

    private static func reason(_ failure: CompressedFile.Failure) -> String {
        switch failure {
        case .noLibrary(let library): "there is no \(library) on this machine; install it, or decompress the file"
        case .damaged(let format): "found data that is not \(format); accepted: the format that its name ends with"
        case .truncated(let format): "its \(format) data ends too early; accepted: a whole file"
        case .tooLarge(let bytes):
            "its contents have more than \(byteCount(Double(bytes))); accepted: a smaller one, or the decompressed file"
        case .outOfMemory: "not enough memory"
        }
    }

    private static let acceptedFiles =
        "paths and patterns (such as \"texts/*.txt\") of readable files that aren't empty"

    private static func accepted(by tokenizer: TokenizerKind) -> String {
        "data.tokenizer: \(tokenizer.rawValue) accepts text in UTF-8, data.tokenizer: byte any file"
    }

    private static func characters(_ count: Int) -> String {
        count == 1 ? "the one character" : "the \(count) characters"
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        "0x" + String(UInt8(byte / 16), radix: 16, uppercase: true) + String(byte % 16, radix: 16, uppercase: true)
    }

    /// `"é" (U+00E9)`, or only the code for a character that is invisible or would break the line.
    private static func name(of scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        let code = "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator, .nonspacingMark, .spacingMark, .enclosingMark:
            return code
        default:
            return "\"\(scalar)\" (\(code))"
        }
    }
}
