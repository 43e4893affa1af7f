import FileFormats
import TestSupport
import Testing

@Suite struct JSONValueTests {
    @Test("members keep their order, and the text has no spaces")
    func order() {
        let value: JSONValue = ["split": "train", "step": 10, "a": [1, .null, true], "loss": .float(0.1), "none": [:]]
        #expect(value.text == #"{"split":"train","step":10,"a":[1,null,true],"loss":0.1,"none":{}}"#)
    }

    @Test("the indented text has one member per line")
    func indented() {
        let value: JSONValue = ["a": 1, "b": ["c": [2, "x"], "d": []]]
        let lines = ["{", "  \"a\": 1,", "  \"b\": {", "    \"c\": [", "      2,", "      \"x\"", "    ],"]
        #expect(value.indentedText == (lines + ["    \"d\": []", "  }", "}", ""]).joined(separator: "\n"))
    }

    @Test("numbers have the fewest digits that restore them, and non-finite numbers are null")
    func numbers() {
        #expect(JSONValue.float(0.1).text == "0.1")
        #expect(JSONValue.number(Double(Float(0.1))).text == "0.10000000149011612")
        #expect(JSONValue.float(.leastNonzeroMagnitude).text == "1e-45")
        #expect(JSONValue.number(-0.0).text == "-0.0")
        #expect(JSONValue.number(1e300).text == "1e+300")
        #expect(JSONValue.integer(.min).text == "-9223372036854775808")
        for notFinite: JSONValue in [.float(.nan), .float(.infinity), .number(-.infinity), .number(.nan)] {
            #expect(notFinite.text == "null")
        }
    }

    @Test("100,000 random Floats and Doubles are restored bit for bit")
    func exactNumbers() throws {
        var random = SeededRandom(7)
        for _ in 0..<100_000 {
            let float = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            let double = Double(bitPattern: random.next())
            guard float.isFinite, double.isFinite else { continue }
            let back = try JSONValue(parsing: JSONValue.array([.float(float), .number(double)]).text)
            let numbers = back.arrayValue?.compactMap(\.numberValue) ?? []
            guard numbers.count == 2, Float(numbers[0]).bitPattern == float.bitPattern,
                numbers[1].bitPattern == double.bitPattern
            else {
                Issue.record("seed 7: \(float) and \(double) were read back as \(back.text)")
                continue
            }
        }
    }

    @Test("every text is restored, whatever characters it has")
    func strings() throws {
        let hostile = "\u{0}\u{1}\u{1F}\"\\/\n\r\t\r\n\u{7F}é\u{301}\u{2028}😀\u{10FFFF}"
        let value: JSONValue = [hostile: .string(hostile)]
        #expect(try JSONValue(parsing: value.text) == value)
        let restored = try JSONValue(parsing: value.text)[hostile]?.stringValue
        #expect(restored.map { Array($0.utf8) } == Array(hostile.utf8))
        #expect(JSONValue.string("\u{1}\n\"\\/é").text == #""\u0001\n\"\\/é""#)
        #expect(try JSONValue(parsing: #""\u0041\b\f\n\r\t\/\ud83d\ude00\u00e9""#) == "A\u{8}\u{C}\n\r\t/😀é")
    }

    @Test("parsed values are typed: integers, other numbers, true, false and null")
    func kinds() throws {
        let text = " [ 0 , -7, 1.0, 1e2 ,-0, 9223372036854775808, true , false, null, {} , [] ]\n"
        #expect(
            try JSONValue(parsing: text) == [
                0, -7, .number(1), .number(100), .number(-0.0), .number(9_223_372_036_854_775_808), true, false, .null,
                [:],
                .array([]),
            ])
    }

    @Test("objects with another order or other values are not equal")
    func equality() throws {
        #expect(try JSONValue(parsing: #"{"a":1,"b":2}"#) != JSONValue(parsing: #"{"b":2,"a":1}"#))
        #expect(try JSONValue(parsing: #"{"a":1}"#) != JSONValue(parsing: #"{"a":2}"#))
        #expect(JSONValue.integer(1) != .number(1))
    }

    @Test(
        "a text that isn't JSON is refused with line and column",
        arguments: [
            ("", "line 1, column 1: expected a value, found the end"),
            ("{\n  \"a\": 1,\n  \"a\": 2}", "line 3, column 3: duplicate key \"a\""),
            ("{\"a\" 1}", "line 1, column 6: expected ':', found '1'"),
            ("{a: 1}", "line 1, column 2: expected '\"', found 'a'"),
            ("[1 2]", "line 1, column 4: expected ',' or ']', found '2'"),
            ("[1,]", "line 1, column 4: expected a value, found ']'"),
            ("{\"a\":1,}", "line 1, column 8: expected '\"', found '}'"),
            ("[1", "line 1, column 3: expected ',' or ']', found the end"),
            ("[", "line 1, column 2: expected a value or ']', found the end"),
            ("1 2", "line 1, column 3: expected the end, found '2'"),
            ("nul", "line 1, column 1: expected a value, found 'n'"),
            ("NaN", "line 1, column 1: expected a value, found 'N'"),
            ("01", "line 1, column 2: expected the end, found '1'"),
            ("-", "line 1, column 1: a digit is missing in the number"),
            ("1.", "line 1, column 1: a digit is missing in the number"),
            ("2e+", "line 1, column 1: a digit is missing in the number"),
            ("1e999", "line 1, column 1: the number exceeds the range of Double"),
            ("\"ab", "line 1, column 1: the string that begins here does not end"),
            ("\"a\nb\"", "line 1, column 3: control character in a string"),
            ("\"\\x\"", "line 1, column 2: invalid escape sequence"),
            ("\"\\u12\"", "line 1, column 2: invalid escape sequence"),
            ("\"\\ud800\"", "line 1, column 2: invalid escape sequence"),
            ("\"\\ud800\\u0041\"", "line 1, column 2: invalid escape sequence"),
            ("\"\\udc00\"", "line 1, column 2: invalid escape sequence"),
            ("\"\\", "line 1, column 2: invalid escape sequence"),
            ("\u{1}", "line 1, column 1: expected a value, found byte 1"),
        ])
    func refused(text: String, problem: String) {
        #expect(
            errorText { _ = try JSONValue(parsing: text, from: "x.json") } == "x.json is not valid JSON: \(problem).")
    }

    @Test("127 levels are read and 128 are refused, as are a hundred thousand")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try JSONValue(parsing: nested(127)).text == nested(127))
        let problem = "The text is not valid JSON: line 1, column 128: more than 127 levels of nesting."
        for depth in [128, 100_000] {
            #expect(errorText { _ = try JSONValue(parsing: nested(depth)) } == problem)
        }
        let wide = "[" + Array(repeating: "[[]]", count: 1000).joined(separator: ",") + "]"
        #expect(try JSONValue(parsing: wide).arrayValue?.count == 1000)
    }

    @Test("bytes that aren't UTF-8 are refused")
    func invalidText() {
        let bytes: [UInt8] = [0x22, 0x61, 0xC3, 0x28, 0x22]
        let text = errorText { _ = try bytes.withUnsafeBytes { try JSONValue(parsing: $0) } }
        #expect(text == "The text is not valid JSON: line 1, column 2: the string is not valid UTF-8.")
    }
}
