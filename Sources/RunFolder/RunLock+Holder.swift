import FileFormats
import Glibc
import System

extension RunLock {
    /// The holder of a lock.
    package struct Holder: Sendable, Equatable {
        package let host: String
        package let process: Int32
        /// The job number of the batch scheduler.
        package let job: String?
        /// The start time distinguishes this process from a later one of the same number; `machine` identifies the boot
        /// and the process namespace.
        private let started: String
        private let machine: String
        /// The locked folder: a copy of the folder contains a copy of the lock. nil in locks of earlier versions.
        private let folder: FolderIdentity?
        /// Random, so that no two locks have the same contents.
        private let key: String

        /// The holder of a lock that can't be read, as after a crash of its machine; its heartbeat may continue.
        static let unknown = Holder(host: "", process: 0, job: nil, started: "", machine: "", folder: nil, key: "")

        var isNamed: Bool { self != .unknown }

        package var description: String {
            guard isNamed else { return "an unknown process (its file \(RunNames.lock) is damaged)" }
            return "process \(process) on \(shown(host))" + (job.map { " of job \(shown($0))" } ?? "")
        }

        /// Whether this process lives and has locked this very folder; nil if that is not visible from here.
        func isAlive(in run: RunDirectory) -> Bool? {
            // (Without /proc, neither the machine's name nor the start time is known.)
            let here = ProcessStatus.machine
            guard machine == here, !here.hasPrefix(" ") else { return nil }
            guard kill(process, 0) == 0 || errno == EPERM else { return false }
            guard Self.start(of: process) == started else { return false }
            guard let folder, let here = FolderIdentity(path: run.path), folder != here else { return true }
            // A copy of the run folder. (The same folder may be mounted a second time, with another device number.)
            return folder.inode == here.inode ? nil : false
        }

        static func this(host: String, job: String?, folder: FolderIdentity) -> Holder {
            Holder(
                host: host, process: getpid(), job: job, started: start(of: getpid()) ?? "",
                machine: ProcessStatus.machine, folder: folder,
                key: String(UInt64.random(in: 0...UInt64.max), radix: 16)
            )
        }

        /// nil if the process is gone.
        private static func start(of process: Int32) -> String? {
            ProcessStatus(of: process).flatMap { $0.isGone ? nil : String($0.startTime) }
        }

        var json: JSONValue {
            [
                "host": .string(host), "process": .integer(Int(process)), "job": job.map { .string($0) } ?? .null,
                "started": .string(started), "machine": .string(machine),
                "folder": folder.map { .string($0.text) } ?? .null, "key": .string(key),
            ]
        }

        init(_ fields: Fields) throws {
            host = try fields.string("host")
            process = Int32(clamping: try fields.integer("process"))
            job = fields.json["job"]?.stringValue
            started = try fields.string("started")
            machine = try fields.string("machine")
            folder = fields.json["folder"]?.stringValue.flatMap(FolderIdentity.init(text:))
            key = fields.json["key"]?.stringValue ?? ""
        }

        private init(
            host: String, process: Int32, job: String?, started: String, machine: String, folder: FolderIdentity?,
            key: String
        ) {
            self.host = host
            self.process = process
            self.job = job
            self.started = started
            self.machine = machine
            self.folder = folder
            self.key = key
        }
    }
}

/// Identifies a folder on this machine, whatever its path.
struct FolderIdentity: Equatable, Sendable {
    let device: UInt64
    let inode: UInt64

    /// nil, with `errno` set, if the path is not accessible.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }

    /// `device:inode`
    var text: String { "\(device):\(inode)" }

    init?(text: String) {
        let numbers = text.split(separator: ":").map { UInt64($0) }
        guard numbers.count == 2, let device = numbers[0], let inode = numbers[1] else { return nil }
        self.device = device
        self.inode = inode
    }
}
