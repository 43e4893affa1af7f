// Memory that all ranks of a host see.

import CMPI
import Glibc

/// Memory that the ranks of one host share: each rank gives a segment, and all of them read and write all segments by
/// plain loads and stores. Other names: MPI-3 shared-memory window.
///
/// A segment begins on a page and holds zeros at first. What one rank has written, the others see after the next
/// `barrier`, or through `SharedCounters`. The window lives until `free`; no pointer into it may be used afterwards.
package final class SharedWindow {
    /// The ranks that share the memory (`Communicator.splitByHost`); segments are numbered by its ranks.
    package let host: Communicator
    /// Every rank's segment, by rank: as many bytes as that rank asked for.
    package let segments: [UnsafeMutableRawBufferPointer]
    private let handle: MPI_Win
    private let arrivals: SharedCounters
    private var barriers = 0

    /// Bytes that a segment's start is aligned to, and that its size is rounded up to: a page.
    package static let alignment = 4096
    /// Of each rank's part, in front of its segment: lines of counters, the first of which is the barrier's.
    private static let headerBytes = alignment
    static let counterLine = 64

    /// Makes the window, with a segment of `bytes` of this rank.
    ///
    /// Collective (MPI_Win_allocate_shared, MPI_Win_lock_all) over `host`.
    ///
    /// - Throws: `AgreedFailure`, the same on all ranks of the host, when the installed MPI or the room on the host
    ///   refuses it; then nothing is left of it.
    package init(on host: Communicator, bytes: Int) throws {
        // Segments of different ranks follow each other, from any address on: a page more lets each begin on one.
        let part = Self.headerBytes + Self.roundUp(bytes) + Self.alignment
        let whole = Int(try host.allreduce(Int64(part), .sum))
        // Before the allocation: Open MPI 4.1 notices lack of room on one rank only, and the others then wait for ever.
        try host.agree { try Self.requireRoom(for: whole, ranks: host.size) }

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
        try host.barrier()  // all segments are zero before anyone writes to another's
    }

    /// Counters of this window, one a rank, zero at first; `line` tells several sets of them apart, from 1 to 63.
    package func counters(_ line: Int) -> SharedCounters {
        precondition(1..<Self.headerBytes / Self.counterLine ~= line, "A header holds 63 lines of counters.")
        return SharedCounters(
            segments.map { $0.baseAddress! - Self.headerBytes + line * Self.counterLine },  // a segment has an address
            rank: host.rank)
    }

    /// Returns when every rank of the host has come here; what they wrote before can then be read by all.
    ///
    /// Collective over the host (no call of MPI: counters in the window, so that it takes less than a microsecond where
    /// nobody is late; while it waits, MPI advances nothing).
    package func barrier() {
        barriers += 1
        arrivals.advance(to: barriers)
        arrivals.waitForAll(toReach: barriers)
    }

    /// Gives the memory back.
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

    /// Opens the window for loads and stores for its whole life, and returns where each rank's part begins here: on the
    /// first page boundary in it, which is the same place for all ranks, as mappings begin on pages.
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

    /// Takes possession of the pages, so that a lack of room shows here and not as a signal later, and zeroes them.
    private static func touch(_ memory: UnsafeMutableRawBufferPointer) throws {
        madvise(memory.baseAddress, memory.count, MADV_HUGEPAGE)  // where the host lets shared memory have them
        // EINVAL: a kernel before 5.14, where the look at the free room must do.
        if madvise(memory.baseAddress, memory.count, MADV_POPULATE_WRITE) != 0, errno != EINVAL {
            throw SharedWindowError.noRoom(directory: backingDirectory, needed: memory.count, free: 0)
        }
        memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Looks at the folder that the window's file will lie in.
    private static func requireRoom(for bytes: Int, ranks: Int) throws {
        guard ranks > 1 else { return }  // then it is plain memory
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
        let needed = bytes + bytes / 16 + 64 * alignment  // MPI's own part of the file, and a reserve
        guard needed <= free else {
            throw SharedWindowError.noRoom(directory: directory, needed: needed, free: free)
        }
    }

    /// Where Open MPI puts the file behind a window: what it says itself (MPI_T), else where it usually is.
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

/// Why a host has no room for a shared window.
package enum SharedWindowError: Error, Equatable, CustomStringConvertible {
    /// Fewer bytes are free than the host's ranks need together (0 where they went while they were being taken).
    case noRoom(directory: String, needed: Int, free: Int)
    /// The folder is not there, or nothing may be written in it.
    case unusable(directory: String, reason: String)

    package var description: String {
        switch self {
        case .noRoom(let directory, let needed, let free):
            "\(directory) has \(free >> 20) MiB left and a window shared by the ranks of this host needs "
                + "\((needed + 1 << 20 - 1) >> 20) MiB"
        case .unusable(let directory, let reason):
            "\(directory), where a window shared by the ranks of this host would lie, can't be used: \(reason)"
        }
    }
}
