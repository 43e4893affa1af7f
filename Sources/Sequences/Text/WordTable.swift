import Glibc

/// The distinct words of mapped text and their counts: an open-addressing hash table whose long keys stay in the files.
///
/// Memory: 24 bytes per distinct word and 4 per slot, of which at most three quarters are used (plus the old slots
/// while they double). 200 MB of natural text have about a million distinct words: 32 MB. 5 million, as in text of
/// random letters, take 120 + 34 MB. `entries` grows by `realloc`, which moves the pages of a large block instead of
/// copying them, and pages that no word has reached yet take no memory.
///
/// Why not a `Dictionary` of the same keys and hashes (1 December 2026, AMD EPYC, Zen 3): it counts the training text of
/// Penn Treebank in 0.08 s instead of 0.04 s, and 5 million distinct words (10 million in all) in 9.1 s and 297 MB
/// instead of 6.1 s and 150 MB, although it then ranks them in 5.1 s instead of 9.2 s. It also can't report that memory
/// is exhausted.
struct WordTable: ~Copyable {
    struct Entry {
        let key: WordKey
        let hash: UInt32
        var occurrences: Int
    }

    /// Longer sequences without white space aren't words: the file isn't natural text, or has no white space.
    static let longestWord = 1 << 20

    private(set) var count = 0
    private var capacity: Int
    private var entries: UnsafeMutablePointer<Entry>
    /// The index of each slot's entry plus 1; 0 means free. The number of slots is a power of two.
    private var slots: UnsafeMutablePointer<UInt32>
    private var slotCount: Int

    init(slotCount: Int = 1 << 16) throws(TextError) {
        self.slotCount = slotCount
        capacity = slotCount * 3 / 4
        let entryBytes = capacity * MemoryLayout<Entry>.stride
        guard let slots = Self.freeSlots(slotCount) else { throw .outOfMemory(bytes: slotCount * 4) }
        guard let entries = malloc(entryBytes) else {
            free(slots)
            throw .outOfMemory(bytes: entryBytes)
        }
        self.slots = slots
        self.entries = entries.bindMemory(to: Entry.self, capacity: capacity)
    }

    deinit {
        free(entries)
        free(slots)
    }

    subscript(index: Int) -> Entry { entries[index] }

    /// Counts one occurrence of the word of `length` bytes at `start`; `length` is at most `longestWord`.
    @inline(__always)
    mutating func add(_ start: UnsafePointer<UInt8>, length: Int, hash: UInt32) throws(TextError) {
        let key = WordKey(start, length: length)
        let slot = slot(of: key, hash: hash)
        let number = slots[slot]
        if number > 0 {
            entries[Int(number) - 1].occurrences += 1
            return
        }
        (entries + count).initialize(to: Entry(key: key, hash: hash, occurrences: 1))
        count += 1
        slots[slot] = UInt32(count)
        if count == capacity { try grow() }
    }

    /// Excludes a word from all rankings.
    mutating func remove(_ word: [UInt8]) {
        word.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return }
            let key = WordKey(start, length: bytes.count)
            let number = slots[slot(of: key, hash: WordHash(of: bytes).value)]
            if number > 0 { entries[Int(number) - 1].occurrences = 0 }
        }
    }

    /// The entries of the `limit` most frequent words (nil for all), ties in code-point order.
    func ranking(limit: Int?) -> [UInt32] {
        let limit = limit ?? count
        let least = leastOccurrences(limit: limit)
        var ranked: [UInt32] = []
        for index in 0..<count where entries[index].occurrences >= least { ranked.append(UInt32(index)) }
        ranked.sort { a, b in
            let a = entries[Int(a)]
            let b = entries[Int(b)]
            if a.occurrences != b.occurrences { return a.occurrences > b.occurrences }
            return a.key < b.key
        }
        if ranked.count > limit { ranked.removeLast(ranked.count - limit) }
        return ranked
    }

    /// The minimum count of a word that can be among the `limit` most frequent, so that only those are sorted.
    private func leastOccurrences(limit: Int) -> Int {
        let most = 1 << 16
        var words = [Int](repeating: 0, count: most + 1)
        for index in 0..<count { words[min(entries[index].occurrences, most)] += 1 }
        var least = most
        var above = words[most]
        while least > 1 && above < limit {
            least -= 1
            above += words[least]
        }
        return least
    }

    @inline(__always)
    private func slot(of key: WordKey, hash: UInt32) -> Int {
        var slot = Int(hash) & (slotCount - 1)
        while slots[slot] > 0 {
            let entry = entries[Int(slots[slot]) - 1]
            if entry.hash == hash && entry.key == key { break }
            slot = (slot + 1) & (slotCount - 1)
        }
        return slot
    }

    private mutating func grow() throws(TextError) {
        let newSlotCount = slotCount * 2
        let entryBytes = newSlotCount * 3 / 4 * MemoryLayout<Entry>.stride
        guard let moved = realloc(entries, entryBytes) else { throw .outOfMemory(bytes: entryBytes) }
        capacity = newSlotCount * 3 / 4
        entries = moved.bindMemory(to: Entry.self, capacity: capacity)
        guard let newSlots = Self.freeSlots(newSlotCount) else { throw .outOfMemory(bytes: newSlotCount * 4) }
        free(slots)
        slots = newSlots
        slotCount = newSlotCount
        for index in 0..<count {
            // All entries differ, so the first free slot is the right one.
            var slot = Int(entries[index].hash) & (slotCount - 1)
            while slots[slot] > 0 { slot = (slot + 1) & (slotCount - 1) }
            slots[slot] = UInt32(index + 1)
        }
    }

    private static func freeSlots(_ count: Int) -> UnsafeMutablePointer<UInt32>? {
        calloc(count, MemoryLayout<UInt32>.stride)?.bindMemory(to: UInt32.self, capacity: count)
    }
}
