import FileFormats
import Glibc
import TestSupport
import Testing

@Suite struct SafetensorsTests {
    /// Values that would reveal a changed bit: signed zeros, the smallest and largest floats, full mantissas.
    private let numbers: [Float] = [
        0, -0.0, 1.1, -3.333_333_3, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .infinity, .pi, 1e-38, -7, 0.1,
        42,
    ]

    private func write(
        to path: String, _ tensors: [(String, [Int], [Float])], metadata: [String: String] = [:]
    ) throws {
        var memory: [UnsafeMutableBufferPointer<Float>] = []
        defer { for buffer in memory { buffer.deallocate() } }
        var handed: [SafetensorsTensor] = []
        for (name, shape, values) in tensors {
            let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
            _ = buffer.initialize(from: values)
            memory.append(buffer)
            handed.append(SafetensorsTensor(name: name, shape: shape, data: UnsafeBufferPointer(buffer)))
        }
        try SafetensorsWriter.write(to: path, tensors: handed, metadata: metadata)
    }

    @Test("written tensors are read back bit for bit, with names in order, shapes and metadata")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("model.safetensors")
        let metadata = ["b": "zwei \"2\"", "a": "1\n"]
        try write(
            to: path,
            [
                ("rnn.weight", [3, 4], numbers), ("a", [2], [.nan, 1]), ("empty", [0, 5], []), ("scalar", [], [5]),
                ("ünïcode 😀", [1, 1, 1], [6]),
            ], metadata: metadata)
        let file = try SafetensorsFile(path)
        #expect(file.names == ["rnn.weight", "a", "empty", "scalar", "ünïcode 😀"])
        #expect(file.names.map { file.shape(of: $0) } == [[3, 4], [2], [0, 5], [], [1, 1, 1]])
        #expect(file.metadata == metadata)
        #expect(try file.read("rnn.weight").map(\.bitPattern) == numbers.map(\.bitPattern))
        #expect(try file.read("a").map(\.bitPattern) == [Float.nan.bitPattern, Float(1).bitPattern])
        #expect(try file.read("empty") == [])
        #expect(try file.read("scalar") == [5])
        #expect(try file.read("ünïcode 😀") == [6])
        #expect(file.shape(of: "nothing") == nil)
        #expect(file.type(of: "a") == "F32")
    }

    @Test("the file's bytes are those that the format defines")
    func bytes() throws {
        let folder = try TemporaryFolder()
        try write(to: folder.file("x"), [("b", [2], [1, -2]), ("a", [], [0.5])], metadata: ["k": "v", "j": "w"])
        let json =
            #"{"__metadata__":{"j":"w","k":"v"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
            + #""a":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}"#
        let padded = json + String(repeating: " ", count: (8 - json.utf8.count % 8) % 8)
        #expect(padded.utf8.count > json.utf8.count, "the example should need padding")
        let data: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0, 0x3F]
        let length: [UInt8] = [UInt8(padded.utf8.count), 0, 0, 0, 0, 0, 0, 0]
        #expect(try folder.bytes("x") == length + Array(padded.utf8) + data)
    }

    @Test("the data begin at a multiple of 8 bytes for every length of the header")
    func alignment() throws {
        let folder = try TemporaryFolder()
        for length in 1...17 {
            try write(to: folder.file("x"), [(String(repeating: "n", count: length), [1], [1])])
            #expect((try folder.bytes("x").count - 4) % 8 == 0)
        }
    }

    @Test("a file without tensors can be written and read")
    func nothing() throws {
        let folder = try TemporaryFolder()
        try write(to: folder.file("x"), [])
        #expect(try SafetensorsFile(folder.file("x")).names == [])
    }

    @Test("a descriptor gets the same bytes as a file and stays open")
    func descriptor() throws {
        let folder = try TemporaryFolder()
        try write(to: folder.file("x"), [("a", [12], numbers)])
        let descriptor = open(folder.file("y"), O_WRONLY | O_CREAT, 0o600)
        defer { close(descriptor) }
        try numbers.withUnsafeBufferPointer {
            let tensors = [SafetensorsTensor(name: "a", shape: [12], data: $0)]
            try SafetensorsWriter.write(toDescriptor: descriptor, tensors: tensors)
        }
        #expect(try folder.bytes("y") == folder.bytes("x"))
        #expect(fcntl(descriptor, F_GETFD) >= 0)
    }

    @Test("a full disk is reported with the file's name")
    func fullDisk() {
        #expect(
            errorText { try write(to: "/dev/full", [("a", [1], [1])]) }
                == "/dev/full cannot be written: No space left on device.")
        let full = open("/dev/full", O_WRONLY)
        defer { close(full) }
        #expect(
            errorText { try SafetensorsWriter.write(toDescriptor: full, tensors: []) }
                == "standard output cannot be written: No space left on device.")
    }

    @Test("a tensor that can't be written is refused before the file is touched")
    func unwritable() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("x", [1, 2, 3])
        #expect(
            errorText { try write(to: path, [("a", [1], [1]), ("a", [1], [1])]) }
                == "Tensor 'a' cannot be written as safetensors: the name is duplicate or reserved."
        )
        #expect(
            errorText { try write(to: path, [("__metadata__", [1], [1])]) }
                == "Tensor '__metadata__' cannot be written as safetensors: "
                + "the name is duplicate or reserved.")
        for shape in [[2], [-1, -1], [.max, .max]] {
            #expect(
                errorText { try write(to: path, [("a", shape, [1])]) }
                    == "Tensor 'a' cannot be written as safetensors: its shape \(shape) does not match its 1 elements.")
        }
        #expect(try folder.bytes("x") == [1, 2, 3])
    }

    @Test("F64, F16 and BF16 are converted to Float, for any alignment of their data")
    func conversions() throws {
        let folder = try TemporaryFolder()
        func bytes<T: FixedWidthInteger>(_ values: [T]) -> [UInt8] {
            values.flatMap { value in (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        }
        let doubles: [Double] = [0.1, -1e300, 1e-300, .infinity, 16_777_217]
        let halves: [UInt16] = [0x3C00, 0xC000, 0x7BFF, 0x0001, 0x7C00, 0x8000, 0x3555]
        let brains: [UInt16] = [0x3F80, 0xC000, 0x7F7F, 0x0001, 0xFF80, 0x3EAA]
        let data = [7] + bytes(doubles.map(\.bitPattern)) + bytes(halves) + bytes(brains)
        let header = """
            {"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},\
            "d":{"dtype":"F64","shape":[5],"data_offsets":[1,41]},\
            "h":{"dtype":"F16","shape":[7],"data_offsets":[41,55]},\
            "f":{"dtype":"BF16","shape":[3,2],"data_offsets":[55,67]}}
            """
        let file = try SafetensorsFile(folder.file("x", safetensors(header, data: data)))
        #expect(file.names == ["b", "d", "h", "f"])
        #expect(try file.read("d") == [0.1, -.infinity, 0, .infinity, 16_777_216])
        #expect(try file.read("h") == [1, -2, 65504, 5.960_464_5e-08, .infinity, -0.0, 0.333_251_95])
        let smallest = Float(bitPattern: 0x0001_0000)
        #expect(try file.read("f") == [1, -2, 3.389_531_4e38, smallest, -.infinity, 0.332_031_25])
        #expect(
            errorText(in: folder) { _ = try file.read("b") }
                == "Tensor 'b' of x is of type U8; F32, F64, F16 and BF16 can be read.")
    }

    @Test("a tensor longer than one piece is converted completely")
    func longConversion() throws {
        let folder = try TemporaryFolder()
        let count = 100_003  // Three pieces of 32,768 elements and a partial one.
        let data = (0..<count).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8) & 0x3F] }
        let header = #"{"x":{"dtype":"BF16","shape":[\#(count)],"data_offsets":[0,\#(2 * count)]}}"#
        let file = try SafetensorsFile(folder.file("x", safetensors(header, data: data)))
        let expected = (0..<count).map { Float(bitPattern: UInt32($0 & 0x3FFF) << 16) }
        #expect(try file.read("x") == expected)
    }

    @Test("an unknown name and memory of another size are refused with the file's names and sizes")
    func reading() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("x")
        try write(to: path, [("a", [3, 4], numbers), ("b", [1], [1])])
        let file = try SafetensorsFile(path)
        #expect(errorText(in: folder) { _ = try file.read("c") } == "x has no tensor 'c'; it has a, b.")
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: 13)
        defer { buffer.deallocate() }
        #expect(
            errorText(in: folder) { try file.read("a", into: buffer) }
                == "Tensor 'a' of x has 12 elements (shape [3, 4]) instead of 13.")
        let many = (1...25).map { ("t\($0)", [1], [Float(1)]) }
        try write(to: path, many)
        let listed = (1...20).map { "t\($0)" }.joined(separator: ", ")
        #expect(
            errorText(in: folder) { _ = try SafetensorsFile(path).read("c") }
                == "x has no tensor 'c'; it has \(listed), and 5 more.")
    }

    @Test("a file that is truncated after it was opened is an error, not a crash")
    func cutWhileOpen() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("x")
        try write(to: path, [("a", [12], numbers)])
        let file = try SafetensorsFile(path)
        #expect(truncate(path, 100) == 0)
        #expect(
            errorText(in: folder) { _ = try file.read("a") }
                == "x is not a valid safetensors file: tensor 'a' was truncated after the file was opened.")
    }
}

/// A file's bytes: the header's length, the header, the data.
func safetensors(_ header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
    let length = length ?? UInt64(header.utf8.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + data
}
