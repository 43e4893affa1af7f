import Glibc

/// A block of `count` floats at a fixed address, aligned to 64 bytes and initially zero.
///
/// Parameters, gradients, optimiser state, carried state and activations live in blocks; tensors are ranges of them,
/// named by a `TensorLayout`. The block owns its memory, or keeps the owner of borrowed memory alive; a pointer from it
/// is valid while the block is.
package final class FloatBlock {
    package let count: Int
    package let pointer: UnsafeMutablePointer<Float>

    /// The alignment in bytes of every block and every tensor of a `TensorLayout`: a cache line, and the widest vector.
    package static let alignment = 64

    /// Counts the calls of `markChanged`, so that data derived from the contents can be checked for staleness.
    package private(set) var revision = 0

    /// The owner of the memory; nil if it is on the heap.
    private let owner: AnyObject?

    package init(count: Int) {
        precondition(count >= 0, "a block cannot hold \(count) floats")
        let bytes = max(count, 1) * MemoryLayout<Float>.stride
        if let pages = LargePages(bytes: bytes) {
            pointer = pages.start.bindMemory(to: Float.self, capacity: count)
            owner = pages
        } else {
            var raw: UnsafeMutableRawPointer?
            guard posix_memalign(&raw, Self.alignment, bytes) == 0, let raw else {
                preconditionFailure("no memory for a block of \(bytes) bytes")
            }
            pointer = raw.bindMemory(to: Float.self, capacity: max(count, 1))
            pointer.initialize(repeating: 0, count: max(count, 1))
            owner = nil
        }
        self.count = count
    }

    /// The total floats of the blocks that `body` makes with its argument, without allocating them: one function both
    /// makes the blocks of something and counts their floats.
    package static func floats(madeBy body: ((_ count: Int) -> FloatBlock) -> Void) -> Int {
        var total = 0
        body { count in
            total += count
            return FloatBlock(count: 0)
        }
        return total
    }

    /// A view of aligned, zeroed memory that belongs to `owner`, such as a part of a shared window.
    ///
    /// - Parameters:
    ///   - memory: `count` floats, aligned to a cache line; the block neither zeroes nor frees them.
    ///   - owner: kept alive as long as the block.
    package init(borrowing memory: UnsafeMutablePointer<Float>, count: Int, owner: AnyObject) {
        precondition(count >= 0, "a block cannot hold \(count) floats")
        precondition(
            UInt(bitPattern: memory).isMultiple(of: UInt(Self.alignment)), "borrowed memory begins on a cache line")
        self.count = count
        self.owner = owner
        pointer = memory
    }

    deinit { if owner == nil { free(pointer) } }

    package var buffer: UnsafeMutableBufferPointer<Float> { .init(start: pointer, count: count) }

    package subscript(range: Range<Int>) -> UnsafeMutableBufferPointer<Float> {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range \(range) outside a block of \(count)")
        return .init(start: pointer + range.lowerBound, count: range.count)
    }

    package func clear() { pointer.update(repeating: 0, count: count) }

    /// Records that the contents have changed: needed after every write to parameters (see `SequenceModel.pack`).
    package func markChanged() { revision += 1 }

    /// Copies the contents of a block of the same size.
    package func copy(from other: FloatBlock) {
        precondition(count == other.count, "a block of \(count) cannot copy one of \(other.count)")
        pointer.update(from: other.pointer, count: count)
    }
}

/// Memory for a large block, mapped from the system: zero pages that use no memory before they are written to, as huge
/// pages if available, which reduce TLB misses.
private final class LargePages {
    let start: UnsafeMutableRawPointer
    private let mapping: UnsafeMutableRawBufferPointer

    private static let hugePage = 2 << 20

    /// - Returns: nil for fewer bytes than a huge page has, or if the mapping fails.
    init?(bytes: Int) {
        guard bytes >= Self.hugePage else { return nil }
        // More than needed, so that the block can begin at a huge page.
        let count = bytes + Self.hugePage
        let address = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let address, address != MAP_FAILED else { return nil }
        mapping = UnsafeMutableRawBufferPointer(start: address, count: count)
        start = address.alignedUp(toMultipleOf: Self.hugePage)
        // A hint: without huge pages everything works as well. Only for whole huge pages, so that no memory is used
        // beyond the block.
        madvise(start, bytes / Self.hugePage * Self.hugePage, MADV_HUGEPAGE)
    }

    deinit { munmap(mapping.baseAddress, mapping.count) }
}
