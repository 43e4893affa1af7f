/// A safetensors file open for reading: the header in memory, the tensors on the disk until they are asked for.
///
/// The whole header is checked when the file is opened, against itself and against the file's size; the numbers are
/// whatever they are. Tensors of types that can't be converted to Float may be there and are refused when read.
package final class SafetensorsFile: Sendable {
    /// As given to the initialiser.
    package let path: String
    /// The tensors' names in the order of their data.
    package let names: [String]
    package let metadata: [String: String]

    private let file: OpenFile
    private let entries: [String: SafetensorsHeader.Entry]
    /// Offset of the data in the file.
    private let dataOffset: Int

    /// Bytes that are in memory at a time while numbers are converted; a multiple of every type's size.
    private static let piece = 1 << 16

    /// Opens the file and checks its header.
    /// - Throws: `FileFormatError`.
    package init(_ path: String) throws {
        let file = try OpenFile.reading(path)
        let size = try file.size()
        let lengthSize = SafetensorsHeader.lengthSize
        guard size >= lengthSize else {
            throw FileFormatError.notSafetensors(
                path: path, problem: "it has \(size) bytes, and the header's length alone takes \(lengthSize)")
        }
        let length = try file.bytes(count: lengthSize).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= SafetensorsHeader.longest, length <= size - lengthSize else {
            throw FileFormatError.notSafetensors(
                path: path,
                problem: "it states a header of \(length) bytes; \(size - lengthSize) bytes follow, "
                    + "and at most \(SafetensorsHeader.longest) are accepted")
        }
        let json = try file.bytes(at: lengthSize, count: Int(length))
        let header = try json.withUnsafeBytes {
            try SafetensorsHeader($0, dataSize: size - lengthSize - Int(length), path: path)
        }
        self.path = path
        self.file = file
        dataOffset = lengthSize + Int(length)
        names = header.entries.map(\.name)
        metadata = header.metadata
        // The scanner refuses doubled keys, so names differ.
        entries = Dictionary(uniqueKeysWithValues: header.entries.map { ($0.name, $0) })
    }

    /// The tensor's shape, row-major; nil if there is no tensor of that name.
    package func shape(of name: String) -> [Int]? { entries[name]?.shape }

    /// The tensor's type in the file, such as "F32"; nil if there is no tensor of that name.
    package func type(of name: String) -> String? { entries[name]?.type }

    /// Reads a tensor's numbers into memory that has room for exactly them, converted from F64 (rounded to nearest),
    /// F16 or BF16 (both exact) where they aren't F32.
    /// - Throws: `FileFormatError`; then the contents of `destination` are undefined.
    package func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        guard let entry = entries[name] else {
            throw FileFormatError.noSuchTensor(path: path, tensor: name, names: names)
        }
        guard entry.count == destination.count else {
            throw FileFormatError.otherSize(
                path: path, tensor: name, shape: entry.shape, found: entry.count, expected: destination.count)
        }
        switch entry.type {
        case "F32":
            try fill(UnsafeMutableRawBufferPointer(destination), at: dataOffset + entry.begin, entry)
        case "F64":
            try convert(entry, into: destination, from: UInt64.self) { Float(Double(bitPattern: $0)) }
        case "F16":
            try convert(entry, into: destination, from: UInt16.self) { Float(Float16(bitPattern: $0)) }
        case "BF16":
            try convert(entry, into: destination, from: UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
        default:
            throw FileFormatError.unreadableType(path: path, tensor: name, type: entry.type)
        }
    }

    /// The tensor's numbers in an array, as `read(_:into:)` gives them.
    package func read(_ name: String) throws -> [Float] {
        guard let entry = entries[name] else {
            throw FileFormatError.noSuchTensor(path: path, tensor: name, names: names)
        }
        return try [Float](unsafeUninitializedCapacity: entry.count) { buffer, filled in
            try read(name, into: UnsafeMutableBufferPointer(rebasing: buffer[..<entry.count]))
            filled = entry.count
        }
    }

    private func convert<Bits: FixedWidthInteger>(
        _ entry: SafetensorsHeader.Entry, into destination: UnsafeMutableBufferPointer<Float>, from: Bits.Type,
        _ number: (Bits) -> Float
    ) throws {
        let size = MemoryLayout<Bits>.size
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.piece, alignment: size)
        defer { buffer.deallocate() }
        for first in stride(from: 0, to: entry.count, by: Self.piece / size) {
            let count = min(Self.piece / size, entry.count - first)
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count * size)])
            try fill(piece, at: dataOffset + entry.begin + first * size, entry)
            for index in 0..<count {
                let bits = piece.load(fromByteOffset: index * size, as: Bits.self)
                destination[first + index] = number(Bits(littleEndian: bits))
            }
        }
    }

    private func fill(
        _ buffer: UnsafeMutableRawBufferPointer, at offset: Int, _ entry: SafetensorsHeader.Entry
    ) throws {
        guard try file.read(into: buffer, at: offset) == buffer.count else {
            throw FileFormatError.badTensor(
                path: path, tensor: entry.name, problem: "was cut off after the file was opened")
        }
    }
}
