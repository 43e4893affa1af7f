import FileFormats
import TestSupport
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
                    == "x is not a valid safetensors file: "
                    + "it has \(size) bytes, less than the 8 of the header's length.")
        }
    }

    @Test("a header longer than the file, or than any header, is refused before it is read")
    func headerLength() throws {
        for length: UInt64 in [3, 100_000_001, 1 << 63, .max] {
            #expect(
                try refusal(safetensors("{}", length: length))
                    == "x is not a valid safetensors file: its header's length is given as \(length) bytes; "
                    + "2 bytes follow, and at most 100000000 are accepted.")
        }
    }

    @Test(
        "a header that violates the format is refused with the offset or the tensor",
        arguments: [
            ("", "at byte 0 of its header, expected '{', found the end"),
            ("[]", "at byte 0 of its header, expected '{', found '['"),
            ("{}x", "at byte 2 of its header, expected the end, found 'x'"),
            ("{", "at byte 1 of its header, expected a value or '}', found the end"),
            (#"{"a":1}"#, "at byte 5 of its header, expected '{', found '1'"),
            (#"{"__metadata__":{"a":1}}"#, "at byte 21 of its header, expected '\"', found '1'"),
            (#"{"a":{"dtype":7}}"#, "at byte 14 of its header, expected '\"', found '7'"),
            (
                #"{"a":{"shape":[-1]}}"#,
                "at byte 15 of its header, expected a whole number from 0 to 18446744073709551615"
            ),
            (
                #"{"a":{"shape":[1.0]}}"#,
                "at byte 15 of its header, expected a whole number from 0 to 18446744073709551615"
            ),
            (
                #"{"a":{"shape":[18446744073709551616]}}"#,
                "at byte 15 of its header, expected a whole number from 0 to 18446744073709551615"
            ),
            (
                #"{"a":{"shape":[[1]]}}"#,
                "at byte 15 of its header, expected a whole number from 0 to 18446744073709551615"
            ),
            (
                #"{"a":{"data_offsets":[0,-8]}}"#,
                "at byte 24 of its header, expected a whole number from 0 to 18446744073709551615"
            ),
            (#"{"a":{},"a":{}}"#, "tensor 'a' has no dtype; dtype, shape and data_offsets are required"),
            (
                #"{"a":{"dtype":"F32","data_offsets":[0,0]}}"#,
                "tensor 'a' has no shape; dtype, shape and data_offsets are required"
            ),
            (
                #"{"a":{"dtype":"F32","shape":[0]}}"#,
                "tensor 'a' has no data_offsets; dtype, shape and data_offsets are required"
            ),
            (#"{"a":{"dtype":"F32","dtype":"F32"}}"#, "tensor 'a' has a duplicate dtype"),
            (#"{"a":{"size":1}}"#, "tensor 'a' has no dtype; dtype, shape and data_offsets are required"),
            (#"{"a":["F32",[0],[0,0],1]}"#, "tensor 'a' has more than dtype, shape and data_offsets"),
            (#"{"a":{"dtype":{"F32":1}}}"#, "at byte 21 of its header, expected null after the name of a type"),
            (#"{"a":{"dtype":{}}}"#, "at byte 14 of its header, expected the name of one type, found 0"),
            (
                #"{"__metadata__":{},"__metadata__":{}}"#,
                "at byte 34 of its header, duplicate key \"__metadata__\""
            ),
            (
                #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0]}}"#,
                "tensor 'a' has 1 data_offsets; 2 are required"
            ),
            (
                #"{"a":{"dtype":"F33","shape":[0],"data_offsets":[0,0]}}"#,
                "tensor 'a' is of unknown type 'F33'; known types: BF16, BOOL, C64, F16, F32, F4, F64, F6_E2M3, "
                    + "F6_E3M2, F8_E4M3, F8_E4M3FNUZ, F8_E5M2, F8_E5M2FNUZ, F8_E8M0, I16, I32, I64, I8, U16, U32, U64, U8"
            ),
        ])
    func header(header: String, problem: String) throws {
        #expect(try refusal(safetensors(header)) == "x is not a valid safetensors file: \(problem).")
    }

    @Test("tensors that overlap, leave gaps, or don't end at the file's end are refused")
    func offsets() throws {
        let data = [UInt8](repeating: 0, count: 16)
        func refusal(_ tensors: String...) throws -> String {
            let text = try self.refusal(safetensors("{" + tensors.joined(separator: ",") + "}", data: data))
            return text.replacing("x is not a valid safetensors file: ", with: "")
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
                == "tensor 'b' leaves a gap in the data: it begins at byte 9 instead of 8.")
        #expect(
            try refusal(tensor("a", 4, 12)) == "tensor 'a' leaves a gap in the data: it begins at byte 4 instead of 0."
        )
        #expect(try refusal(tensor("a", 0, 8)) == "its tensors take 8 bytes, but 16 follow the header.")
        #expect(
            try refusal(tensor("a", 0, 8), tensor("b", 8, 24, shape: "[4]"))
                == "its tensors take 24 bytes, but 16 follow the header.")
        #expect(
            try refusal(tensor("a", 8, 0))
                == "tensor 'a' begins at byte 8 of the data and ends before that, at byte 0.")
    }

    @Test("a tensor whose shape doesn't match its size is refused, also if the product overflows")
    func sizes() throws {
        func refusal(_ tensor: String) throws -> String {
            try self.refusal(safetensors("{\(tensor)}", data: [UInt8](repeating: 0, count: 16)))
        }
        #expect(
            try refusal(tensor("a", 0, 16, shape: "[5]"))
                == "x is not a valid safetensors file: "
                + "tensor 'a' takes 16 bytes, but its shape [5] of type F32 needs 20.")
        #expect(
            try refusal(tensor("a", 0, 16, shape: "[4]", type: "F64"))
                == "x is not a valid safetensors file: "
                + "tensor 'a' takes 16 bytes, but its shape [4] of type F64 needs 32.")
        #expect(
            try self.refusal(safetensors("{\(tensor("a", 0, 1, shape: "[3]", type: "F4"))}", data: [0]))
                == "x is not a valid safetensors file: "
                + "tensor 'a' takes 1 bytes, but its shape [3] of type F4 needs 1 bytes and 4 bits.")
        for shape in ["[4294967296, 4294967296]", "[9223372036854775807]", "[4611686018427387904]"] {
            #expect(
                try refusal(tensor("a", 0, 16, shape: shape))
                    == "x is not a valid safetensors file: "
                    + "tensor 'a' has shape \(shape), which exceeds the size of any file.")
        }
    }

    @Test("a deeply nested header is refused")
    func depth() throws {
        let deep = #"{"a":{"shape":"# + String(repeating: "[", count: 100_000)
        #expect(
            try refusal(safetensors(deep))
                == "x is not a valid safetensors file: at byte 15 of its header, "
                + "expected a whole number from 0 to 18446744073709551615.")
    }
}
