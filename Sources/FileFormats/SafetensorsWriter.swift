import Glibc
import System

/// A tensor to be written. Its elements are not copied.
package struct SafetensorsTensor {
    package let name: String
    /// Row-major; a vector has one dimension, a scalar none.
    package let shape: [Int]
    /// The elements. The caller keeps the memory valid and unchanged until the writer returns.
    package let data: UnsafeBufferPointer<Float>

    package init(name: String, shape: [Int], data: UnsafeBufferPointer<Float>) {
        self.name = name
        self.shape = shape
        self.data = data
    }
}

/// Writes the safetensors format of Hugging Face's reference implementation: the header's length in 8 bytes, the header
/// as JSON, then the tensors' bytes in the given order, all of type F32.
///
/// The data begins at a multiple of 8 bytes and is written without a copy: writing needs memory only for the header.
package enum SafetensorsWriter {
    /// Writes the file and returns once it is on the disk. An existing file is overwritten; a file that could not be
    /// written completely is removed.
    ///
    /// - Parameters:
    ///   - metadata: the header's `__metadata__`, sorted by key; all values are strings.
    ///   - isNew: the path must not exist, not even as a link.
    /// - Returns: the SHA-256 of the file's contents, computed while writing.
    /// - Throws: `FileFormatError`, for an invalid tensor, before the file is touched; `SystemError`.
    @discardableResult
    package static func write(
        to path: String, tensors: [SafetensorsTensor], metadata: [String: String] = [:], isNew: Bool = false
    ) throws -> String {
        let header = try header(of: tensors, metadata)
        let file = try isNew ? OpenFile.creating(path) : OpenFile.writing(path)
        do {
            return try write(header, tensors, to: file)
        } catch {
            if file.isRegular { unlink(path) }
            throw error
        }
    }

    /// Writes to a descriptor, such as standard output's, at its current position, and leaves it open.
    package static func write(
        toDescriptor descriptor: Int32, named name: String = StandardOutput.name, tensors: [SafetensorsTensor],
        metadata: [String: String] = [:]
    ) throws {
        try write(header(of: tensors, metadata), tensors, to: .borrowing(descriptor, name: name))
    }

    /// Bytes that are hashed and then written at a time, while they are in the CPU's cache.
    private static let piece = 256 << 10

    @discardableResult
    private static func write(_ header: [UInt8], _ tensors: [SafetensorsTensor], to file: OpenFile) throws -> String {
        let checksum = RunningChecksum()
        func write(_ bytes: UnsafeRawBufferPointer) throws {
            for start in stride(from: 0, to: bytes.count, by: piece) {
                let part = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + piece, bytes.count)])
                checksum.update(part)
                try file.write(part)
            }
        }
        try header.withUnsafeBytes(write)
        for tensor in tensors { try write(UnsafeRawBufferPointer(tensor.data)) }
        try file.sync()
        return checksum.finish()
    }

    /// The length, the JSON and the padding.
    private static func header(of tensors: [SafetensorsTensor], _ metadata: [String: String]) throws -> [UInt8] {
        var members: [(key: String, value: JSONValue)] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue.string($0.value)) }
            members.append((key: SafetensorsHeader.metadataKey, value: .object(pairs)))
        }
        var names: Set<String> = [SafetensorsHeader.metadataKey]
        var offset = 0
        for tensor in tensors {
            guard names.insert(tensor.name).inserted else {
                throw FileFormatError.unwritableTensor(
                    tensor: tensor.name, problem: "the name is duplicate or reserved")
            }
            guard tensor.shape.allSatisfy({ $0 >= 0 }), product(of: tensor.shape) == tensor.data.count else {
                throw FileFormatError.unwritableTensor(
                    tensor: tensor.name,
                    problem: "its shape \(tensor.shape) does not match its \(tensor.data.count) elements")
            }
            let end = offset + tensor.data.count * MemoryLayout<Float>.size
            let entry: JSONValue = [
                "dtype": "F32", "shape": .array(tensor.shape.map { .integer($0) }),
                "data_offsets": [.integer(offset), .integer(end)],
            ]
            members.append((key: tensor.name, value: entry))
            offset = end
        }
        var json = Array(JSONValue.object(members).text.utf8)
        while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
        return (0..<8).map { UInt8(truncatingIfNeeded: json.count >> ($0 * 8)) } + json
    }
}

/// The product of the dimensions, 1 for a scalar; nil if it overflows.
private func product(of shape: [Int]) -> Int? {
    if shape.contains(0) { return 0 }
    var product = 1
    for dimension in shape {
        let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
        if overflow { return nil }
        product = next
    }
    return product
}
