import System

/// The header of a safetensors file. It accepts and rejects exactly what the reference implementation (safetensors
/// 0.8.0) does: the tensors cover the data from the first byte to the last without gaps and overlaps; of duplicate
/// names the last one is used; unknown keys are ignored.
struct SafetensorsHeader {
    struct Entry {
        let name: String
        let type: String
        /// Row-major. A dimension beyond Int, which only an empty tensor can have, is `Int.max` here.
        let shape: [Int]
        /// Number of elements: the product of the shape.
        let count: Int
        /// In bytes, from the beginning of the data.
        let begin: Int
        let end: Int
    }

    /// In the order of their data.
    let entries: [Entry]
    let metadata: [String: String]

    static let metadataKey = "__metadata__"
    /// Bytes before the header: its length, little-endian.
    static let lengthSize = 8
    /// Maximum length of a header, the same as in the reference implementation.
    static let longest = 100_000_000
    /// Bits per element of each type of the format.
    static let bits: [String: UInt] = [
        "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
        "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32,
        "F32": 32,
        "U64": 64, "I64": 64, "F64": 64, "C64": 64,
    ]

    /// - Parameters:
    ///   - json: the header without its length.
    ///   - dataSize: bytes in the file after the header.
    init(_ json: UnsafeRawBufferPointer, dataSize: Int, path: String) throws {
        var described: [Described] = []
        var indices: [TensorName: Int] = [:]
        var metadata: [String: String]?
        do {
            var scanner = JSONScanner(json)
            try scanner.object(allowingDuplicates: true) { scanner, name in
                if name == Self.metadataKey {
                    guard metadata == nil else {
                        throw JSONSyntaxError(
                            offset: scanner.offset, problem: "duplicate key \"\(Self.metadataKey)\"")
                    }
                    metadata = try Self.metadata(&scanner)
                } else {
                    let tensor = try Described(name, &scanner, path)
                    if let index = indices.updateValue(described.count, forKey: TensorName(name)) {
                        indices[TensorName(name)] = index
                        described[index] = tensor
                    } else {
                        described.append(tensor)
                    }
                }
            }
            try scanner.end()
        } catch let error as JSONSyntaxError {
            throw FileFormatError.notSafetensors(
                path: path, problem: "at byte \(error.offset) of its header, \(error.problem)")
        }
        let ordered = described.enumerated().sorted { one, other in
            // Several empty tensors can begin at the same offset.
            (one.element.begin, one.element.end, one.offset) < (other.element.begin, other.element.end, other.offset)
        }
        entries = try Self.entries(ordered.map(\.element), dataSize: dataSize, path: path)
        self.metadata = metadata ?? [:]
    }

    private static func metadata(_ scanner: inout JSONScanner) throws -> [String: String] {
        var metadata: [String: String] = [:]
        if try scanner.takeNull() { return metadata }
        try scanner.object(allowingDuplicates: true) { scanner, key in metadata[key] = try scanner.string() }
        return metadata
    }

    /// The tensors, each checked against its size, its neighbours and the file.
    private static func entries(_ described: [Described], dataSize: Int, path: String) throws -> [Entry] {
        var entries: [Entry] = []
        var end: UInt = 0
        for tensor in described {
            func fault(_ problem: String) -> FileFormatError {
                .badTensor(path: path, tensor: tensor.name, problem: problem)
            }
            guard tensor.begin <= tensor.end else {
                throw fault("begins at byte \(tensor.begin) of the data and ends before that, at byte \(tensor.end)")
            }
            guard tensor.begin == end else {
                let found = tensor.begin > end ? "leaves a gap in" : "overlaps others in"
                throw fault("\(found) the data: it begins at byte \(tensor.begin) instead of \(end)")
            }
            end = tensor.end
            guard let (count, bits) = tensor.size else {
                throw fault("has shape \(shown(tensor.shape)), which exceeds the size of any file")
            }
            guard bits % 8 == 0, bits / 8 == tensor.end - tensor.begin else {
                let needed = "\(bits / 8)" + (bits % 8 > 0 ? " bytes and \(bits % 8) bits" : "")
                throw fault(
                    "takes \(tensor.end - tensor.begin) bytes, but its shape \(shown(tensor.shape)) of type "
                        + "\(tensor.type) needs \(needed)")
            }
            entries.append(
                Entry(
                    name: tensor.name, type: tensor.type, shape: tensor.shape.map { Int(clamping: $0) },
                    count: Int(clamping: count), begin: Int(clamping: tensor.begin), end: Int(clamping: tensor.end)))
        }
        // Clamped values are refused here.
        guard end == dataSize else {
            throw FileFormatError.notSafetensors(
                path: path, problem: "its tensors take \(end) bytes, but \(dataSize) follow the header")
        }
        return entries
    }
}

/// A tensor's name, compared byte by byte: `String` treats the composed and the decomposed "é" as equal.
struct TensorName: Hashable {
    private let text: String

    init(_ text: String) { self.text = text }

    static func == (one: TensorName, other: TensorName) -> Bool { one.text.utf8.elementsEqual(other.text.utf8) }

    func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
        hasher.combine(UInt8(0xFF))
    }
}

/// A tensor's entry in the header: well-formed, not yet checked for consistency.
private struct Described {
    let name: String
    let type: String
    let shape: [UInt]
    let begin: UInt
    let end: UInt

    /// Like the reference implementation, also accepts the three values as an array in this order.
    init(_ name: String, _ scanner: inout JSONScanner, _ path: String) throws {
        var type: String?
        var shape: [UInt]?
        var offsets: [UInt]?
        func fault(_ problem: String) -> FileFormatError { .badTensor(path: path, tensor: name, problem: problem) }

        if try scanner.comes("[") {
            var index = 0
            try scanner.array { scanner in
                switch index {
                case 0: type = try Self.type(&scanner)
                case 1: shape = try Self.counts(&scanner)
                case 2: offsets = try Self.counts(&scanner)
                default: throw fault("has more than dtype, shape and data_offsets")
                }
                index += 1
            }
        } else {
            func check(_ isDuplicate: Bool, _ key: String) throws {
                if isDuplicate { throw fault("has a duplicate \(key)") }
            }
            try scanner.object(allowingDuplicates: true) { scanner, key in
                switch key {
                case "dtype":
                    try check(type != nil, key)
                    type = try Self.type(&scanner)
                case "shape":
                    try check(shape != nil, key)
                    shape = try Self.counts(&scanner)
                case "data_offsets":
                    try check(offsets != nil, key)
                    offsets = try Self.counts(&scanner)
                default: try scanner.skip()
                }
            }
        }
        guard let type, let shape, let offsets else {
            let missing = type == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
            throw fault("has no \(missing); dtype, shape and data_offsets are required")
        }
        guard SafetensorsHeader.bits[type] != nil else {
            let types = SafetensorsHeader.bits.keys.sorted().joined(separator: ", ")
            throw fault("is of unknown type '\(shown(type))'; known types: \(types)")
        }
        guard offsets.count == 2 else { throw fault("has \(offsets.count) data_offsets; 2 are required") }
        self.name = name
        self.type = type
        self.shape = shape
        (begin, end) = (offsets[0], offsets[1])
    }

    /// The number of elements and of their bits; nil if either overflows. A zero dimension after an overflow is an
    /// overflow, too.
    var size: (count: UInt, bits: UInt)? {
        var count: UInt = 1
        for dimension in shape {
            guard case (let product, false) = count.multipliedReportingOverflow(by: dimension) else { return nil }
            count = product
        }
        guard let bits = SafetensorsHeader.bits[type],
            case (let all, false) = count.multipliedReportingOverflow(by: bits)
        else { return nil }
        return (count, all)
    }

    /// A text, or, like in the reference implementation, an object of that name and null.
    private static func type(_ scanner: inout JSONScanner) throws -> String {
        guard try scanner.comes("{") else { return try scanner.string() }
        let start = scanner.offset
        var types: [String] = []
        try scanner.object(allowingDuplicates: true) { scanner, key in
            types.append(key)
            guard try scanner.takeNull() else {
                throw JSONSyntaxError(offset: scanner.offset, problem: "expected null after the name of a type")
            }
        }
        guard types.count == 1 else {
            throw JSONSyntaxError(offset: start, problem: "expected the name of one type, found \(types.count)")
        }
        return types[0]
    }

    private static func counts(_ scanner: inout JSONScanner) throws -> [UInt] {
        var counts: [UInt] = []
        try scanner.array { counts.append(try $0.count()) }
        return counts
    }
}
