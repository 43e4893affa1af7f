import Glibc
import System

/// The command line's arguments as bytes. A Swift string replaces what is not UTF-8, so that a path or a prompt would become another
/// one.
enum ArgumentBytes {
    /// The first argument that is not UTF-8, such bytes written as `\xE9`; nil if there is none.
    static var firstBroken: String? {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = CommandLine.unsafeArgv[index] else { continue }
            let bytes = UnsafeRawBufferPointer(start: argument, count: strlen(argument))
            if String(validating: bytes, as: UTF8.self) == nil { return escaped(bytes) }
        }
        return nil
    }

    /// Throws if the process was started with arguments that did not arrive here: Swift's runtime reads them from /proc, which
    /// a library that is loaded before it can prevent. The program would take that for a command line without a command.
    static func requireNoneLost() throws {
        guard CommandLine.arguments.count <= 1 else { return }
        let descriptor = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard bytes[..<max(0, count)].split(separator: 0).count > 1 else { return }
        throw CommandError.failure(
            "the arguments of the command line have been lost, probably by a library that is loaded first (LD_PRELOAD); "
                + "accepted: a start without it")
    }
}
