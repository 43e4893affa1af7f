// Memory shared by all ranks of a host.

import CMPI
import Glibc

/// Memory that the ranks of one host share: each rank contributes a segment, and all ranks read and write all segments
/// by plain loads and stores. Other names: MPI-3 shared-memory window.
///
/// A segment begins on a page and is initially zero. One rank's writes are visible to the others after the next
/// `barrier`, or through `SharedCounters`. The window is valid until `free`; no pointer into it may be used afterwards.
package final class SharedWindow {
    /// The ranks that share the memory (`Communicator.splitByHost`); segments are indexed by their ranks in it.
    package let host: Communicator
    /// Every rank's segment, by rank, of the size that the rank requested.
    package let segments: [UnsafeMutableRawBufferPointer]
    private let handle: MPI_Win
    private let arrivals: SharedCounters
    private var barriers = 0

    /// Alignment in bytes of a segment's start and of its memory's size: a page.
    package static let alignment = 4096
    /// Bytes before each segment: cache lines of counters, of which the first is the barrier's.
    private static let headerBytes = alignment
    static let counterLine = 64

    /// Allocates the window; this rank's segment has `bytes` bytes.
    ///
    /// Collective (MPI_Win_allocate_shared, MPI_Win_lock_all) over `host`.
    ///
    /// - Throws: `AgreedFailure`, the same on all ranks of the host, if the installed MPI cannot allocate the window or
    ///   the host has too little shared memory; nothing stays allocated then.
    package init(on host: Communicator, bytes: Int) throws {
        // The ranks' parts are contiguous and begin at any address: one more page allows each segment to begin on a
        // page.
        let part = Self.headerBytes + Self.roundUp(bytes) + Self.alignment
        let whole = Int(try host.allreduce(Int64(part), .sum))
        // Before the allocation: with too little space Open MPI 4.1 fails on one rank only, and the others wait
        // forever.
        try host.agree { try Self.requireSpace(for: whole, ranks: host.size) }

        var window: MPI_Win?
        let code = Self.allocate(part, host, &window)
        guard
            let handle = try host.agree({ () throws -> MPI_Win? in
                try check("MPI_Win_allocate_shared", code)
                return window
            })
        else { preconditionFailure("MPI_Win_allocate_shared succeeded without a window") }
        let outcome = Result { try Self.open(handle, of: host) }
        do {
            let starts = try host.agree { () throws -> [UnsafeMutableRawPointer] in
                let starts = try outcome.get()
                try Self.touch(UnsafeMutableRawBufferPointer(start: starts[host.rank], count: part - Self.alignment))
                return starts
            }
            let sizes = try host.allgather(Int64(bytes))
            segments = zip(starts, sizes).map {
                UnsafeMutableRawBufferPointer(start: $0 + Self.headerBytes, count: Int($1))
            }
            arrivals = SharedCounters(starts, rank: host.rank)
        } catch {
            var ended: MPI_Win? = handle
            if case .success = outcome { MPI_Win_unlock_all(handle) }
            Job.page.waiting(in: "MPI_Win_free") { _ = MPI_Win_free(&ended) }
            throw error
        }
        self.host = host
        self.handle = handle
        try host.barrier()  // all segments are zero before any rank writes to another's
    }

    /// Counters in this window, one per rank, initially zero; `line`, from 1 to 63, selects one of several sets.
    package func counters(_ line: Int) -> SharedCounters {
        precondition(1..<Self.headerBytes / Self.counterLine ~= line, "A header holds 63 lines of counters.")
        return SharedCounters(
            segments.map { $0.baseAddress! - Self.headerBytes + line * Self.counterLine },  // a segment has an address
            rank: host.rank)
    }

    /// Returns when every rank of the host has called it; all ranks then see what was written before.
    ///
    /// Collective over the host (no MPI call, but counters in the window, so that it takes less than a microsecond if
    /// no rank is late; MPI makes no progress while it waits).
    package func barrier() {
        barriers += 1
        arrivals.advance(to: barriers)
        arrivals.waitForAll(toReach: barriers)
    }

    /// Frees the memory.
    ///
    /// Collective (MPI_Win_unlock_all, MPI_Win_free) over the host.
    package func free() throws(MPIError) {
        try check("MPI_Win_unlock_all", MPI_Win_unlock_all(handle))
        var ended: MPI_Win? = handle
        try waiting("MPI_Win_free") { MPI_Win_free(&ended) }
    }

    private static func roundUp(_ bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }

    private static func allocate(_ bytes: Int, _ host: Communicator, _ window: inout MPI_Win?) -> Int32 {
        var start: UnsafeMutableRawPointer?
        return withUnsafeMutablePointer(to: &start) { start in
            Job.page.waiting(in: "MPI_Win_allocate_shared") {
                MPI_Win_allocate_shared(bytes, 1, cmpi_info_null(), host.handle, start, &window)
            }
        }
    }

    /// Opens the window for loads and stores until it is freed, and returns the start of each rank's part in this
    /// process: the first page boundary in it, which is the same offset on all ranks, because mappings begin on pages.
    private static func open(_ window: MPI_Win, of host: Communicator) throws(MPIError) -> [UnsafeMutableRawPointer] {
        var starts: [UnsafeMutableRawPointer] = []
        for rank in 0..<host.size {
            var size: MPI_Aint = 0
            var unit: Int32 = 0
            var start: UnsafeMutableRawPointer?
            let code = withUnsafeMutablePointer(to: &start) {
                MPI_Win_shared_query(window, Int32(rank), &size, &unit, $0)
            }
            try check("MPI_Win_shared_query", code)
            guard let start else { preconditionFailure("a part without an address") }
            starts.append(start.alignedUp(toMultipleOf: alignment))
        }
        try check("MPI_Win_lock_all", MPI_Win_lock_all(MPI_MODE_NOCHECK, window))
        return starts
    }

    /// Populates the pages, so that a lack of memory is an error here and not a signal later, and zeroes them.
    private static func touch(_ memory: UnsafeMutableRawBufferPointer) throws {
        madvise(memory.baseAddress, memory.count, MADV_HUGEPAGE)  // if the host allows huge pages in shared memory
        // EINVAL: a kernel before 5.14; there the check of the free space has to suffice.
        if madvise(memory.baseAddress, memory.count, MADV_POPULATE_WRITE) != 0, errno != EINVAL {
            throw SharedWindowError.noSpace(directory: backingDirectory, needed: memory.count, free: 0)
        }
        memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Checks the folder in which MPI will create the window's file.
    private static func requireSpace(for bytes: Int, ranks: Int) throws {
        guard ranks > 1 else { return }  // a single rank gets plain memory
        let directory = backingDirectory
        var status = statvfs()
        guard statvfs(directory, &status) == 0, access(directory, W_OK | X_OK) == 0 else {
            throw SharedWindowError.unusable(directory: directory, reason: String(cString: strerror(errno)))
        }
        let free = Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
        // (Some file systems have no fixed number of inodes, and report 0 of 0.)
        guard status.f_files == 0 || status.f_favail >= 2 else {
            throw SharedWindowError.unusable(directory: directory, reason: "no free inodes (df -i \(directory))")
        }
        let needed = bytes + bytes / 16 + 64 * alignment  // with MPI's part of the file, and a reserve
        guard needed <= free else {
            throw SharedWindowError.noSpace(directory: directory, needed: needed, free: free)
        }
    }

    /// The folder of the file behind a window: Open MPI's setting (read by MPI_T), else its default.
    private static var backingDirectory: String {
        let usual = "/dev/shm"
        var provided: Int32 = 0
        guard MPI_T_init_thread(Int32(MPI_THREAD_SINGLE), &provided) == MPI_SUCCESS else { return usual }
        defer { MPI_T_finalize() }
        var index: Int32 = 0
        var variable: MPI_T_cvar_handle?
        var length: Int32 = 0
        guard MPI_T_cvar_get_index("osc_sm_backing_directory", &index) == MPI_SUCCESS,
            MPI_T_cvar_handle_alloc(index, nil, &variable, &length) == MPI_SUCCESS
        else { return usual }
        defer { MPI_T_cvar_handle_free(&variable) }
        var characters = [UInt8](repeating: 0, count: Int(length) + 1)
        guard MPI_T_cvar_read(variable, &characters) == MPI_SUCCESS else { return usual }
        let name = String(decoding: characters.prefix { $0 != 0 }, as: UTF8.self)
        return name.isEmpty ? usual : name
    }
}

/// Why a host cannot provide the memory of a shared window.
package enum SharedWindowError: Error, Equatable, CustomStringConvertible {
    /// Fewer bytes are free than all ranks of the host need (`free` is 0 if the space ran out while pages were
    /// populated).
    case noSpace(directory: String, needed: Int, free: Int)
    /// The folder does not exist or is not writable.
    case unusable(directory: String, reason: String)

    package var description: String {
        switch self {
        case .noSpace(let directory, let needed, let free):
            "not enough shared memory in \(directory): \(free >> 20) MiB free, the ranks of this host need "
                + "\((needed + 1 << 20 - 1) >> 20) MiB"
        case .unusable(let directory, let reason):
            "can't create the memory shared by the ranks of this host in \(directory): \(reason)"
        }
    }
}
