import Glibc
import System

/// The command line's arguments as bytes. A Swift string replaces invalid UTF-8, which would change a path or a prompt.
enum ArgumentBytes {
    /// The first argument that is not UTF-8, its invalid bytes written as `\xE9`; nil if there is none.
    static var firstBroken: String? {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = CommandLine.unsafeArgv[index] else { continue }
            let bytes = UnsafeRawBufferPointer(start: argument, count: strlen(argument))
            if String(validating: bytes, as: UTF8.self) == nil { return escaped(bytes) }
        }
        return nil
    }

    /// Throws if the process was started with arguments that this program does not see: Swift's runtime reads them from
    /// /proc, which a preloaded library can prevent. The program would then run as if without a command.
    static func requireNoneLost() throws {
        guard CommandLine.arguments.count <= 1 else { return }
        let descriptor = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard bytes[..<max(0, count)].split(separator: 0).count > 1 else { return }
        throw CommandError.failure(
            "the arguments of the command line have been lost, probably because of a preloaded library (LD_PRELOAD); "
                + "start without it")
    }
}
