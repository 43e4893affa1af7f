/// A safetensors file in parts, so that mutations hit significant parts.
struct SafetensorsParts {
    struct Tensor {
        /// With its quotes.
        var name: [UInt8]
        var type: String
        /// Numbers in their written form.
        var shape: [String]
        var offsets: [String]
    }

    var tensors: [Tensor] = []
    var data: [UInt8] = []

    /// A valid file of up to five tensors of any type.
    init(_ random: inout FuzzRandom) {
        for _ in 0..<random.below(6) {
            let type = random.once(in: 2) ? ("F32", 32) : random.pick(Self.types)
            var shape = (0..<random.below(4)).map { _ in random.below(5) }
            // Tensors must be whole bytes.
            if type.1 < 8 { shape.append(4) }
            append(random.pick(Self.names), type.0, shape, bits: type.1)
        }
        fillData(&random)
        tensors.shuffle(using: &random)
    }

    /// A valid file of these tensors, all of type F32.
    init(_ shapes: [(name: String, shape: [Int])], _ random: inout FuzzRandom) {
        for (name, shape) in shapes { append(JSONTree.quoted(name), "F32", shape, bits: 32) }
        fillData(&random)
    }

    private var size = 0

    private mutating func append(_ name: [UInt8], _ type: String, _ shape: [Int], bits: Int) {
        let begin = size
        size += shape.reduce(1, *) * bits / 8
        tensors.append(
            Tensor(name: name, type: type, shape: shape.map { "\($0)" }, offsets: ["\(begin)", "\(size)"]))
    }

    private mutating func fillData(_ random: inout FuzzRandom) {
        data = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    private static let types = [
        ("F32", 32), ("F64", 64), ("F16", 16), ("BF16", 16), ("BOOL", 8), ("U8", 8), ("I8", 8), ("F8_E5M2", 8),
        ("F8_E4M3", 8), ("F8_E8M0", 8), ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8), ("F4", 4), ("F6_E2M3", 6),
        ("F6_E3M2", 6), ("U16", 16), ("I16", 16), ("U32", 32), ("I32", 32), ("U64", 64), ("I64", 64), ("C64", 64),
    ]
    private static let names =
        ["a", "b", "output.weight", "rnn.weight_ih_l0", "", "\u{E9}", "e\u{301}", "\u{1F600}", "a/../b", "A"].map {
            JSONTree.quoted($0)
        } + [Array(#""\u0061""#.utf8), Array(#""a\u0000b""#.utf8)]
}

// MARK: - Mutations

extension SafetensorsParts {
    private static let dimensions = [
        "0", "1", "2", "3", "4", "8", "65536", "4294967296", "2305843009213693952", "4611686018427387904",
        "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "-1", "-0", "1.0",
    ]

    /// The file's bytes with some parts mutated, sometimes none.
    static func mutated(_ parts: SafetensorsParts, _ random: inout FuzzRandom) -> [UInt8] {
        var parts = parts
        for _ in 0..<random.below(3) { parts.mutate(&random) }
        var header = parts.header(&random)
        if random.once(in: 4) { header.mutate(&random) }
        var json = header.text(&random)
        if random.once(in: 10) { json = Array(repeatElement(random.pick(Array(" \n{".utf8)), count: 3)) + json }
        if random.once(in: 4) { json += Array(repeatElement(0x20, count: random.below(16))) }
        if random.once(in: 60) { json.append(0) }
        var data = parts.data
        if random.once(in: 12) { data += Array(repeatElement(0, count: 1 + random.below(9))) }
        if random.once(in: 12) { data.removeLast(min(data.count, 1 + random.below(9))) }
        var bytes = littleEndian(length(json.count, of: json.count + data.count, &random)) + json + data
        if random.once(in: 8) {
            for _ in 0...random.below(3) { bytesMutator.mutate(&bytes, &random) }
        }
        return bytes
    }

    private static let bytesMutator = ByteMutator(words: [
        "{", "}", "[", "]", ",", ":", "\"", "0", "9", "-", "1e9", " ", "\\u0000", "null", "\"dtype\"", "\"F32\"",
        "\"a\"",
        "\"data_offsets\":[0,0]", "\"__metadata__\":{}", "\0\0\0\0\0\0\0\0",
    ])

    /// The header's stated length: wrong in one of twenty files.
    private static func length(_ right: Int, of size: Int, _ random: inout FuzzRandom) -> UInt64 {
        guard random.once(in: 20) else { return UInt64(right) }
        return random.pick([
            0, 1, 2, UInt64(max(right, 1) - 1), UInt64(right + 1), UInt64(size), UInt64(size + 1), 99_999_999,
            100_000_000,
            100_000_001, 1 << 32, 1 << 63, .max, .max - 7,
        ])
    }

    private static func littleEndian(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    private mutating func mutate(_ random: inout FuzzRandom) {
        guard !tensors.isEmpty else { return }
        let index = random.below(tensors.count)
        let other = random.below(tensors.count)
        let end = random.below(2)
        switch random.below(10) {
        case 0:
            guard tensors[index].offsets.count == 2, let number = Int(tensors[index].offsets[end]) else { return }
            tensors[index].offsets[end] = "\(number &+ random.pick([-8, -4, -1, 1, 4, 8]))"
        case 1: (tensors[index].offsets, tensors[other].offsets) = (tensors[other].offsets, tensors[index].offsets)
        case 2 where tensors[index].offsets.count == 2: tensors[index].offsets[end] = random.pick(Self.dimensions)
        case 3: tensors[index].offsets = random.pick([[], ["0"], ["0", "0", "0"], tensors[other].offsets])
        case 4 where !tensors[index].shape.isEmpty:
            tensors[index].shape[random.below(tensors[index].shape.count)] = random.pick(Self.dimensions)
        case 5: tensors[index].shape.insert(random.pick(Self.dimensions), at: 0)
        case 6: tensors[index].shape = random.pick([[], ["0"], tensors[other].shape, tensors[index].shape.reversed()])
        case 7: tensors[index].type = random.once(in: 3) ? "F33" : random.pick(Self.types).0
        case 8: tensors[index].name = tensors[other].name
        default:
            // An empty tensor with any shape.
            let begin = tensors[index].offsets.first ?? "0"
            let shape = [random.pick(Self.dimensions), random.pick(Self.dimensions), "0"].shuffled(using: &random)
            tensors.append(Tensor(name: random.pick(Self.names), type: "F32", shape: shape, offsets: [begin, begin]))
        }
    }

    private func header(_ random: inout FuzzRandom) -> JSONTree {
        var members = tensors.map { (key: $0.name, value: Self.entry($0, &random)) }
        if random.once(in: 3) {
            let metadata = random.pick([
                "{}", "null", #"{"format":"pt"}"#, #"{"a":"b","a":"c"}"#, #"{"a":1}"#, #"{"a":null}"#, "[]", #""a""#,
            ])
            let key = random.once(in: 20) ? #""__metad\u0061ta__""# : #""__metadata__""#
            members.insert((Array(key.utf8), .raw(metadata)), at: 0)
            if random.once(in: 20) { members.append(members[0]) }
        }
        return .object(members)
    }

    /// A tensor's entry, mostly valid.
    private static func entry(_ tensor: Tensor, _ random: inout FuzzRandom) -> JSONTree {
        func list(_ numbers: [String]) -> JSONTree { .array(numbers.map { .raw($0) }) }
        var type = JSONTree.raw("\"\(tensor.type)\"")
        if random.once(in: 60) { type = .object([(JSONTree.quoted(tensor.type), .raw(random.pick(["null", "{}"])))]) }
        let values = [type, list(tensor.shape), list(tensor.offsets)]
        if random.once(in: 40) { return .array(values + (random.once(in: 3) ? [.raw("1")] : [])) }
        var members = zip(["dtype", "shape", "data_offsets"], values).map { (key: JSONTree.quoted($0), value: $1) }
        if random.once(in: 5) { members.shuffle(using: &random) }
        if random.once(in: 15) { members.append((random.pick(HostileJSON.strings), HostileJSON.value(&random))) }
        return .object(members)
    }
}
