// Feeds mutated files to the program's readers, each in a separate process: a crash or a hang is reported with seed,
// index and file of the mutation.
//
//     launch/dev/fuzz                                       # every reader
//     launch/dev/fuzz safetensors --mutations 1000 --seed 7
import Foundation
import FuzzSupport

do {
    let options = try FuzzOptions(CommandLine.arguments.dropFirst())
    if options.isList {
        for reader in options.readers { print(reader.name) }
    } else if options.isWorker {
        exit(try Worker(options).run())
    } else {
        exit(try Supervisor(options).run())
    }
} catch {
    FileHandle.standardError.write(Data("Fuzz: \(error)\n".utf8))
    exit(2)
}
