// Which of these headers the reference implementation (safetensors 0.8.0 from PyPI, `safetensors.deserialize`) accepts,
// each followed by eight bytes of data. launch/dev/fuzz --reference compares many more with the implementation itself.

import FileFormats
import TestSupport
import Testing

@Suite struct ReferenceVerdictTests {
    private static let tensor = #""dtype":"F32","shape":[2],"data_offsets":[0,8]"#

    private func isAccepted(_ header: String) throws -> Bool {
        let folder = try TemporaryFolder()
        let path = try folder.file("x", safetensors(header, data: [UInt8](repeating: 0, count: 8)))
        do {
            let file = try SafetensorsFile(path)
            for name in file.names { _ = try? file.read(name) }
            return true
        } catch is FileFormatError {
            return false
        }
    }

    private static func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }

    /// An empty tensor, and one that covers the data.
    private static func empty(_ shape: String) -> String {
        #"{"z":{"dtype":"F32","shape":\#(shape),"data_offsets":[0,0]},"a":{\#(tensor)}}"#
    }

    @Test(
        "headers that the reference implementation accepts are accepted",
        arguments: [
            "{\"a\":{\(tensor)}}", " \n\t\r{\"a\":{\(tensor)}} \n\t\r",
            // Of duplicate names the last one is used.
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[50,8]},\"a\":{\(tensor)}}",
            // Unknown keys with any values, up to the maximum depth of its JSON reader.
            "{\"a\":{\(tensor),\"x\":[1,{\"y\":null}]}}", "{\"a\":{\(tensor),\"x\":1,\"x\":{\"y\":1,\"y\":2}}}",
            "{\"a\":{\(tensor),\"x\":\(nested(125))}}", "{\"a\":{\(tensor),\"x\":1e-999}}",
            "{\"a\":{\(tensor),\"x\":0e99999999999999999999999}}",
            "{\"a\":{\(tensor),\"x\":1e-99999999999999999999999}}",
            "{\"a\":{\(tensor),\"x\":\(String(repeating: "1", count: 300))}}",
            "{\"a\":{\(tensor),\"x\":\"\\ud83d\\ude00\u{7F}\"}}",
            // Undocumented forms that its deserialiser accepts.
            #"{"a":["F32",[2],[0,8]]}"#, #"{"a":{"dtype":{"F32":null},"shape":[2],"data_offsets":[0,8]}}"#,
            "{\"__metadata__\":null,\"a\":{\(tensor)}}",
            "{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"},\"a\":{\(tensor)}}",
            "{\"__metad\\u0061ta__\":{\"a\":\"1\"},\"a\":{\(tensor)}}", "{\"a\\u0000\":{\(tensor)}}",
            "{\"\":{\(tensor)}}",
            empty("[9223372036854775808,0]"), empty("[18446744073709551615,0]"),
            empty("[0,18446744073709551615,18446744073709551615]"),
            #"{"a":{"dtype":"F4","shape":[8,2],"data_offsets":[0,8]}}"#,
            #"{"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]},"#
                + #""b":{"dtype":"F8_E4M3FNUZ","shape":[5],"data_offsets":[3,8]}}"#,
            // Names that are canonically equivalent, but have different bytes.
            #"{"\#u{E9}":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
                + #""e\#u{301}":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#,
        ])
    func read(header: String) throws {
        #expect(try isAccepted(header))
    }

    @Test(
        "headers that it refuses are refused",
        arguments: [
            "{}", "\u{FEFF}{\"a\":{\(tensor)}}", "{\"a\":{\(tensor)}}\0", "{\"a\":null}",
            "{\"a\":{\(tensor)},\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[50,8]}}",
            "{\"a\":{\"dtype\":\"X\",\"shape\":[2],\"data_offsets\":[0,8]},\"a\":{\(tensor)}}",
            "{\"a\":{\(tensor),\"dtype\":\"F32\"}}", #"{"a":["F32",[2],[0,8],1]}"#, #"{"a":["F32",[2]]}"#,
            #"{"a":{"dtype":{"F32":{}},"shape":[2],"data_offsets":[0,8]}}"#,
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}"#,
            #"{"a":{"dtype":"F32","shape":null,"data_offsets":[0,8]}}"#,
            #"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#,
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-0,8]}}"#,
            #"{"a":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}"#,
            "{\"__metadata__\":{\"a\":\"b\"},\"__metadata__\":{\"a\":\"b\"},\"a\":{\(tensor)}}",
            "{\"__metadata__\":[],\"a\":{\(tensor)}}", "{\"__metadata__\":{\"a\":null},\"a\":{\(tensor)}}",
            empty("[18446744073709551616,0]"), empty("[18446744073709551615,18446744073709551615,0]"),
            "{\"a\":{\(tensor),\"x\":\"\\ud800\"}}", "{\"a\":{\(tensor),\"x\":\"\u{1}\"}}",
            "{\"a\":{\(tensor),\"x\":1e999}}",
            "{\"a\":{\(tensor),\"x\":\(String(repeating: "1", count: 400))}}", "{\"a\":{\(tensor),\"x\":NaN}}",
            "{\"a\":{\(tensor),\"x\":\(nested(126))}}", "{\"a\":{\(tensor),\"x\":\(nested(100_000))}}",
            #"{"a":{"dtype":"F4","shape":[15],"data_offsets":[0,7]},"b":{"dtype":"U8","shape":[1],"data_offsets":[7,8]}}"#,
        ])
    func refused(header: String) throws {
        #expect(try !isAccepted(header))
    }

    @Test("of duplicate names the last one is read, and names are compared by their bytes")
    func names() throws {
        let folder = try TemporaryFolder()
        let twice =
            #"{"a":{"dtype":"F32","shape":[9],"data_offsets":[4,40]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
        let file = try SafetensorsFile(folder.file("twice", safetensors(twice, data: [0, 0, 0x80, 0x3F])))
        #expect(file.names == ["a"])
        #expect(try file.read("a") == [1])
        #expect(file.count(of: "a") == 1)

        let names = ["\u{E9}", "e\u{301}"]
        let both = zip(names, [0, 4]).map {
            #""\#($0)":{"dtype":"F32","shape":[1],"data_offsets":[\#($1),\#($1 + 4)]}"#
        }
        let header = "{" + both.joined(separator: ",") + "}"
        let accents = try SafetensorsFile(
            folder.file("accents", safetensors(header, data: [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])))
        #expect(try names.map { try accents.read($0) } == [[1], [2]])
    }

    @Test("a tensor of a type that isn't converted is refused before memory is allocated")
    func otherTypes() throws {
        let folder = try TemporaryFolder()
        let header = #"{"a":{"dtype":"F4","shape":[16],"data_offsets":[0,8]}}"#
        let file = try SafetensorsFile(folder.file("x", safetensors(header, data: [UInt8](repeating: 0, count: 8))))
        #expect(
            errorText(in: folder) { _ = try file.read("a") }
                == "Tensor 'a' of x is of type F4; F32, F64, F16 and BF16 can be read.")
    }

    @Test("names from a file are truncated in messages, on one line and without control characters")
    func hostileNames() throws {
        let folder = try TemporaryFolder()
        let name = "\\u001b[31m\\n" + String(repeating: "x", count: 5000)
        let message = errorText(in: folder) {
            _ = try SafetensorsFile(folder.file("x", safetensors(#"{"\#(name)":{}}"#)))
        }
        #expect(
            message == "x is not a valid safetensors file: tensor '\\u{1b}[31m\\u{a}"
                + String(repeating: "x", count: 54)
                + "…' has no dtype; dtype, shape and data_offsets are required.")
    }
}
