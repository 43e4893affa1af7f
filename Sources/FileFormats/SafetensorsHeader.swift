/// The header of a safetensors file, checked as strictly as the reference implementation does: what it describes
/// covers the data from the first byte to the last, without a hole and without an overlap.
struct SafetensorsHeader {
    struct Entry {
        let name: String
        let type: String
        let shape: [Int]
        /// Numbers in the tensor: the product of its shape.
        let count: Int
        /// In bytes, from where the data begin.
        let begin: Int
        let end: Int
    }

    /// In the order of their data.
    let entries: [Entry]
    let metadata: [String: String]

    static let metadataKey = "__metadata__"
    /// Bytes before the header: its length, little-endian.
    static let lengthSize = 8
    /// Longer headers are refused, as the reference implementation does.
    static let longest = 100_000_000
    /// Bytes of one number of each type of the format. (F4 and the F6 types have no whole bytes and are refused.)
    static let sizes = [
        "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
        "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
    ]

    /// - Parameters:
    ///   - json: the header without its length.
    ///   - dataSize: bytes in the file after the header.
    init(_ json: UnsafeRawBufferPointer, dataSize: Int, path: String) throws {
        var entries: [Entry] = []
        var metadata: [String: String] = [:]
        do {
            guard json.first == UInt8(ascii: "{") else {
                throw JSONSyntaxError(offset: 0, problem: "it does not begin with '{'")
            }
            var scanner = JSONScanner(json)
            try scanner.object { scanner, name in
                if name == Self.metadataKey {
                    try scanner.object { scanner, key in metadata[key] = try scanner.string() }
                } else {
                    entries.append(try Self.entry(name, &scanner, path))
                }
            }
            try scanner.end()
        } catch let error as JSONSyntaxError {
            throw FileFormatError.notSafetensors(
                path: path, problem: "at byte \(error.offset) of its header, \(error.problem)")
        }
        entries.sort { ($0.begin, $0.end) < ($1.begin, $1.end) }
        try Self.check(entries, dataSize: dataSize, path: path)
        self.entries = entries
        self.metadata = metadata
    }

    private static func entry(_ name: String, _ scanner: inout JSONScanner, _ path: String) throws -> Entry {
        var type: String?
        var shape: [Int]?
        var offsets: [Int]?
        func fault(_ problem: String) -> FileFormatError { .badTensor(path: path, tensor: name, problem: problem) }

        try scanner.object { scanner, key in
            switch key {
            case "dtype": type = try scanner.string()
            case "shape": shape = try counts(&scanner)
            case "data_offsets": offsets = try counts(&scanner)
            default: throw fault("has '\(key)'; dtype, shape and data_offsets are what a tensor has")
            }
        }
        guard let type, let shape, let offsets else {
            let missing = type == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
            throw fault("has no \(missing); dtype, shape and data_offsets are needed")
        }
        guard let size = sizes[type] else {
            throw fault("is of type '\(type)', which is none of \(sizes.keys.sorted().joined(separator: ", "))")
        }
        guard offsets.count == 2 else { throw fault("has \(offsets.count) data_offsets; 2 are needed") }
        guard offsets[0] <= offsets[1] else {
            throw fault("begins at byte \(offsets[0]) of the data and ends before that, at byte \(offsets[1])")
        }
        guard let count = product(of: shape), case (let bytes, false) = count.multipliedReportingOverflow(by: size)
        else {
            throw fault("has shape \(shape), which is more than any file can hold")
        }
        guard bytes == offsets[1] - offsets[0] else {
            throw fault(
                "takes \(offsets[1] - offsets[0]) bytes, but its shape \(shape) of type \(type) needs \(bytes)")
        }
        return Entry(name: name, type: type, shape: shape, count: count, begin: offsets[0], end: offsets[1])
    }

    private static func counts(_ scanner: inout JSONScanner) throws -> [Int] {
        var counts: [Int] = []
        try scanner.array { counts.append(try $0.count()) }
        return counts
    }

    private static func check(_ entries: [Entry], dataSize: Int, path: String) throws {
        var end = 0
        for entry in entries {
            guard entry.begin == end else {
                let found = entry.begin > end ? "leaves a hole in" : "overlaps others in"
                throw FileFormatError.badTensor(
                    path: path, tensor: entry.name,
                    problem: "\(found) the data: it begins at byte \(entry.begin) instead of \(end)")
            }
            end = entry.end
        }
        guard end == dataSize else {
            throw FileFormatError.notSafetensors(
                path: path, problem: "its tensors take \(end) bytes, but \(dataSize) follow the header")
        }
    }
}
