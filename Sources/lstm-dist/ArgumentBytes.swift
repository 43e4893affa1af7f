import Glibc

/// The command line's arguments as bytes. A Swift string replaces what is not UTF-8, so that a path or a prompt would become another
/// one.
enum ArgumentBytes {
    /// The first argument that is not UTF-8, such bytes written as `\xE9`; nil if there is none.
    static var firstBroken: String? {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = CommandLine.unsafeArgv[index] else { continue }
            let bytes = UnsafeRawBufferPointer(start: argument, count: strlen(argument))
            if String(validating: bytes, as: UTF8.self) == nil { return text(bytes) }
        }
        return nil
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        bytes.map { byte in
            if 0x20..<0x7F ~= byte { return String(Unicode.Scalar(byte)) }
            return "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}
