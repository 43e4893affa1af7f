import System

/// A safetensors file open for reading: the header is in memory, tensors are read from the disk on request.
///
/// The whole header is checked when the file is opened, for consistency and against the file's size; elements are not
/// checked. Tensors of types that can't be converted to Float are allowed, and refused when read.
package final class SafetensorsFile: Sendable {
    /// The path given to the initialiser.
    package let path: String
    /// The tensors' names in the order of their data.
    package let names: [String]
    package let metadata: [String: String]

    private let file: OpenFile
    private let entries: [TensorName: SafetensorsHeader.Entry]
    /// Offset of the data in the file.
    private let dataOffset: Int

    /// Bytes that are converted at a time; a multiple of every type's size.
    private static let piece = 1 << 16

    /// Opens the file and checks its header.
    /// - Throws: `FileFormatError` or `SystemError`.
    package init(_ path: String) throws {
        let file = try OpenFile.reading(path)
        let size = try file.size()
        let lengthSize = SafetensorsHeader.lengthSize
        guard size >= lengthSize else {
            throw FileFormatError.notSafetensors(
                path: path, problem: "it has \(size) bytes, less than the \(lengthSize) of the header's length")
        }
        let length = try file.bytes(count: lengthSize).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= SafetensorsHeader.longest, length <= size - lengthSize else {
            throw FileFormatError.notSafetensors(
                path: path,
                problem: Self.otherFormat(try file.bytes(count: 4))
                    ?? "its header's length is given as \(length) bytes; \(size - lengthSize) bytes follow, "
                    + "and at most \(SafetensorsHeader.longest) are accepted")
        }
        let json = try file.text(at: lengthSize, count: Int(length))
        let header = try json.withUnsafeBytes {
            try SafetensorsHeader($0, dataSize: size - lengthSize - Int(length), path: path)
        }
        self.path = path
        self.file = file
        dataOffset = lengthSize + Int(length)
        names = header.entries.map(\.name)
        metadata = header.metadata
        // The header's names are unique.
        entries = Dictionary(uniqueKeysWithValues: header.entries.map { (TensorName($0.name), $0) })
    }

    /// The format of a file that users often give instead of safetensors, by its first bytes: the zip archive of
    /// torch.save, or the pickle of its older versions. Only for a file that does not begin with a header's length,
    /// which could be the same bytes.
    private static func otherFormat(_ beginning: [UInt8]) -> String? {
        guard beginning == Array("PK\u{3}\u{4}".utf8) || beginning.starts(with: [0x80, 0x02]) else { return nil }
        return
            "it was written by torch.save; use safetensors.torch.save_file(model.state_dict(), PATH)"
    }

    /// The tensor's shape, row-major; nil if there is no tensor of that name. A dimension beyond Int, which only an
    /// empty tensor can have, is `Int.max` here.
    package func shape(of name: String) -> [Int]? { entries[TensorName(name)]?.shape }

    /// The number of the tensor's elements; nil if there is no tensor of that name.
    package func count(of name: String) -> Int? { entries[TensorName(name)]?.count }

    /// The tensor's type in the file, such as "F32"; nil if there is no tensor of that name.
    package func type(of name: String) -> String? { entries[TensorName(name)]?.type }

    /// Reads a tensor into memory of exactly its number of elements, converted from F64 (rounded to nearest), F16 or
    /// BF16 (both exact) if it isn't F32.
    /// - Throws: `FileFormatError` or `SystemError`; then the contents of `destination` are undefined.
    package func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        let entry = try readableEntry(name)
        guard entry.count == destination.count else {
            throw FileFormatError.otherSize(
                path: path, tensor: name, shape: entry.shape, found: entry.count, expected: destination.count)
        }
        try read(entry, from: 0, into: destination)
    }

    /// As above, for a part of the tensor: `destination.count` elements from element `first` on, which must exist.
    package func read(
        _ name: String, from first: Int, into destination: UnsafeMutableBufferPointer<Float>
    ) throws {
        let entry = try readableEntry(name)
        guard first >= 0, destination.count <= entry.count - first else {
            throw FileFormatError.otherSize(
                path: path, tensor: name, shape: entry.shape, found: entry.count, expected: first + destination.count)
        }
        try read(entry, from: first, into: destination)
    }

    private func read(
        _ entry: SafetensorsHeader.Entry, from first: Int, into destination: UnsafeMutableBufferPointer<Float>
    ) throws {
        switch entry.type {
        case "F32":
            let offset = dataOffset + entry.begin + first * MemoryLayout<Float>.size
            try fill(UnsafeMutableRawBufferPointer(destination), at: offset, entry)
        case "F64":
            try convert(entry, from: first, into: destination, UInt64.self) { Float(Double(bitPattern: $0)) }
        case "F16":
            try convert(entry, from: first, into: destination, UInt16.self) { Float(Float16(bitPattern: $0)) }
        default:  // BF16, the last of the readable types
            try convert(entry, from: first, into: destination, UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
        }
    }

    /// The tensor's elements as an array, converted like by `read(_:into:)`.
    package func read(_ name: String) throws -> [Float] {
        let entry = try readableEntry(name)
        return try [Float](unsafeUninitializedCapacity: entry.count) { buffer, filled in
            try read(name, into: UnsafeMutableBufferPointer(rebasing: buffer[..<entry.count]))
            filled = entry.count
        }
    }

    private static let readableTypes: Set = ["F32", "F64", "F16", "BF16"]

    private func readableEntry(_ name: String) throws -> SafetensorsHeader.Entry {
        guard let entry = entries[TensorName(name)] else {
            throw FileFormatError.noSuchTensor(path: path, tensor: name, names: names)
        }
        guard Self.readableTypes.contains(entry.type) else {
            throw FileFormatError.unreadableType(path: path, tensor: name, type: entry.type)
        }
        return entry
    }

    private func convert<Bits: FixedWidthInteger>(
        _ entry: SafetensorsHeader.Entry, from first: Int, into destination: UnsafeMutableBufferPointer<Float>,
        _: Bits.Type, _ number: (Bits) -> Float
    ) throws {
        let size = MemoryLayout<Bits>.size
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.piece, alignment: size)
        defer { buffer.deallocate() }
        for done in stride(from: 0, to: destination.count, by: Self.piece / size) {
            let count = min(Self.piece / size, destination.count - done)
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count * size)])
            try fill(piece, at: dataOffset + entry.begin + (first + done) * size, entry)
            for index in 0..<count {
                let bits = piece.load(fromByteOffset: index * size, as: Bits.self)
                destination[done + index] = number(Bits(littleEndian: bits))
            }
        }
    }

    private func fill(
        _ buffer: UnsafeMutableRawBufferPointer, at offset: Int, _ entry: SafetensorsHeader.Entry
    ) throws {
        guard try file.read(into: buffer, at: offset) == buffer.count else {
            throw FileFormatError.badTensor(
                path: path, tensor: entry.name, problem: "was truncated after the file was opened")
        }
    }
}
