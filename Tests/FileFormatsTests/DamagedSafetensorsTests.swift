import FileFormats
import Testing

@Suite struct DamagedSafetensorsTests {
    private func refusal(_ bytes: [UInt8]) throws -> String {
        let folder = try TemporaryFolder()
        let path = try folder.file("x", bytes)
        return errorText(in: folder) { _ = try SafetensorsFile(path) }
    }

    private func tensor(_ name: String, _ begin: Int, _ end: Int, shape: String = "[2]", type: String = "F32") -> String
    {
        #""\#(name)":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
    }

    @Test("a file shorter than its header's length is refused")
    func short() throws {
        for size in 0..<8 {
            #expect(
                try refusal([UInt8](repeating: 0, count: size))
                    == "x is not a whole safetensors file: "
                    + "it has \(size) bytes, and the header's length alone takes 8.")
        }
    }

    @Test("a header longer than the file, or than any header, is refused before it is read")
    func headerLength() throws {
        for length: UInt64 in [3, 100_000_001, 1 << 63, .max] {
            #expect(
                try refusal(safetensors("{}", length: length))
                    == "x is not a whole safetensors file: it states a header of \(length) bytes; "
                    + "2 bytes follow, and at most 100000000 are accepted.")
        }
    }

    @Test(
        "a header that isn't what the format asks for is refused at its place",
        arguments: [
            ("", "at byte 0 of its header, it does not begin with '{'"),
            (" {}", "at byte 0 of its header, it does not begin with '{'"),
            ("[]", "at byte 0 of its header, it does not begin with '{'"),
            ("{}x", "at byte 2 of its header, expected the end, found 'x'"),
            ("{", "at byte 1 of its header, expected a value or '}', found the end"),
            (#"{"a":1}"#, "at byte 5 of its header, expected '{', found '1'"),
            (#"{"__metadata__":{"a":1}}"#, "at byte 21 of its header, expected '\"', found '1'"),
            (#"{"a":{"dtype":7}}"#, "at byte 14 of its header, expected '\"', found '7'"),
            (
                #"{"a":{"shape":[-1]}}"#,
                "at byte 15 of its header, expected a whole number from 0 to 9223372036854775807"
            ),
            (
                #"{"a":{"shape":[1.0]}}"#,
                "at byte 15 of its header, expected a whole number from 0 to 9223372036854775807"
            ),
            (
                #"{"a":{"shape":[9223372036854775808]}}"#,
                "at byte 15 of its header, expected a whole number from 0 to 9223372036854775807"
            ),
            (
                #"{"a":{"shape":[[1]]}}"#,
                "at byte 15 of its header, expected a whole number from 0 to 9223372036854775807"
            ),
            (
                #"{"a":{"data_offsets":[0,-8]}}"#,
                "at byte 24 of its header, expected a whole number from 0 to 9223372036854775807"
            ),
            (#"{"a":{},"a":{}}"#, "tensor 'a' has no dtype; dtype, shape and data_offsets are needed"),
            (
                #"{"a":{"dtype":"F32","data_offsets":[0,0]}}"#,
                "tensor 'a' has no shape; dtype, shape and data_offsets are needed"
            ),
            (
                #"{"a":{"dtype":"F32","shape":[0]}}"#,
                "tensor 'a' has no data_offsets; dtype, shape and data_offsets are needed"
            ),
            (#"{"a":{"dtype":"F32","dtype":"F32"}}"#, "at byte 20 of its header, the key \"dtype\" is there twice"),
            (#"{"a":{"size":1}}"#, "tensor 'a' has 'size'; dtype, shape and data_offsets are what a tensor has"),
            (
                #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0]}}"#,
                "tensor 'a' has 1 data_offsets; 2 are needed"
            ),
            (
                #"{"a":{"dtype":"F33","shape":[0],"data_offsets":[0,0]}}"#,
                "tensor 'a' is of type 'F33', which is none of BF16, BOOL, C64, F16, F32, F64, F8_E4M3, F8_E5M2, "
                    + "F8_E8M0, I16, I32, I64, I8, U16, U32, U64, U8"
            ),
        ])
    func header(header: String, problem: String) throws {
        #expect(try refusal(safetensors(header)) == "x is not a whole safetensors file: \(problem).")
    }

    @Test("a name that is there twice is refused")
    func doubledName() throws {
        let header = "{\(tensor("a", 0, 8)),\(tensor("a", 8, 16))}"
        #expect(
            try refusal(safetensors(header, data: [UInt8](repeating: 0, count: 16)))
                == "x is not a whole safetensors file: at byte 54 of its header, the key \"a\" is there twice.")
    }

    @Test("tensors that overlap, leave holes, or miss the file's end are refused")
    func offsets() throws {
        let data = [UInt8](repeating: 0, count: 16)
        func refusal(_ tensors: String...) throws -> String {
            let text = try self.refusal(safetensors("{" + tensors.joined(separator: ",") + "}", data: data))
            return text.replacing("x is not a whole safetensors file: ", with: "")
        }
        #expect(try refusal(tensor("a", 0, 8), tensor("b", 8, 16)) == "no error")
        #expect(try refusal(tensor("b", 8, 16), tensor("a", 0, 8)) == "no error")
        #expect(
            try refusal(tensor("a", 0, 8), tensor("b", 4, 12))
                == "tensor 'b' overlaps others in the data: it begins at byte 4 instead of 8.")
        #expect(
            try refusal(tensor("a", 0, 8), tensor("b", 0, 8))
                == "tensor 'b' overlaps others in the data: it begins at byte 0 instead of 8.")
        #expect(
            try refusal(tensor("a", 0, 8), tensor("b", 9, 17))
                == "tensor 'b' leaves a hole in the data: it begins at byte 9 instead of 8.")
        #expect(
            try refusal(tensor("a", 4, 12)) == "tensor 'a' leaves a hole in the data: it begins at byte 4 instead of 0."
        )
        #expect(try refusal(tensor("a", 0, 8)) == "its tensors take 8 bytes, but 16 follow the header.")
        #expect(
            try refusal(tensor("a", 0, 8), tensor("b", 8, 24, shape: "[4]"))
                == "its tensors take 24 bytes, but 16 follow the header.")
        #expect(
            try refusal(tensor("a", 8, 0))
                == "tensor 'a' begins at byte 8 of the data and ends before that, at byte 0.")
    }

    @Test("a tensor whose shape isn't its size is refused, also where the product overflows")
    func sizes() throws {
        func refusal(_ tensor: String) throws -> String {
            try self.refusal(safetensors("{\(tensor)}", data: [UInt8](repeating: 0, count: 16)))
        }
        #expect(
            try refusal(tensor("a", 0, 16, shape: "[5]"))
                == "x is not a whole safetensors file: "
                + "tensor 'a' takes 16 bytes, but its shape [5] of type F32 needs 20.")
        #expect(
            try refusal(tensor("a", 0, 16, shape: "[4]", type: "F64"))
                == "x is not a whole safetensors file: "
                + "tensor 'a' takes 16 bytes, but its shape [4] of type F64 needs 32.")
        for shape in ["[4294967296, 4294967296]", "[9223372036854775807]", "[4611686018427387904]"] {
            #expect(
                try refusal(tensor("a", 0, 16, shape: shape))
                    == "x is not a whole safetensors file: "
                    + "tensor 'a' has shape \(shape), which is more than any file can hold.")
        }
    }

    @Test("a header of very many levels is refused")
    func depth() throws {
        let deep = #"{"a":{"shape":"# + String(repeating: "[", count: 100_000)
        #expect(
            try refusal(safetensors(deep))
                == "x is not a whole safetensors file: at byte 15 of its header, "
                + "expected a whole number from 0 to 9223372036854775807.")
    }

    @Test("2,000 seeded mutations of a good file are read or refused, and never more than that")
    func mutations() throws {
        let half = tensor("b", 8, 16, shape: "[1,4]", type: "F16")
        let header = #"{"__metadata__":{"format":"pt"},\#(tensor("a", 0, 8)),\#(half)}"#
        let good = safetensors(header, data: (0..<16).map { UInt8($0) })
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 1)
        var refused = 0
        for index in 0..<2000 {
            var bytes = good
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                let place = Int.random(in: 0..<max(1, bytes.count), using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: bytes.insert(Array(#"[]{}",:-0129e"#.utf8).randomElement(using: &random) ?? 0, at: place)
                case 3: bytes.remove(at: place)
                default: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
                }
                if bytes.isEmpty { bytes = [0] }
            }
            let path = try folder.file("x\(index)", bytes)
            do {
                let file = try SafetensorsFile(path)
                for name in file.names { _ = try file.read(name) }
            } catch is FileFormatError {
                refused += 1
            }
        }
        #expect(refused > 1000, "seed 1: only \(refused) of 2000 mutations were refused")
    }
}
