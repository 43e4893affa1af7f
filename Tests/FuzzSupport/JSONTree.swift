import FileFormats

/// JSON that need not be valid: every value except objects and arrays is raw bytes.
indirect enum JSONTree {
    /// Keys are raw bytes including their quotes.
    case object([(key: [UInt8], value: JSONTree)])
    case array([JSONTree])
    case raw([UInt8])

    static func raw(_ text: String) -> JSONTree { .raw(Array(text.utf8)) }

    static func quoted(_ text: String) -> [UInt8] { Array(JSONValue.string(text).text.utf8) }

    init(_ value: JSONValue) {
        switch value {
        case .object(let members): self = .object(members.map { (Self.quoted($0.key), JSONTree($0.value)) })
        case .array(let elements): self = .array(elements.map { JSONTree($0) })
        default: self = .raw(value.text)
        }
    }

    /// The text, with random white space.
    func text(_ random: inout FuzzRandom) -> [UInt8] {
        var text: [UInt8] = []
        write(to: &text, &random)
        return text
    }

    private func write(to text: inout [UInt8], _ random: inout FuzzRandom) {
        func blank() { if random.once(in: 40) { text.append(random.pick(Array(" \n\r\t".utf8))) } }
        blank()
        switch self {
        case .raw(let bytes): text += bytes
        case .array(let elements):
            text.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                element.write(to: &text, &random)
            }
            text.append(UInt8(ascii: "]"))
        case .object(let members):
            text.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                blank()
                text += member.key
                text.append(UInt8(ascii: ":"))
                member.value.write(to: &text, &random)
            }
            text.append(UInt8(ascii: "}"))
        }
        blank()
    }
}

// MARK: - Mutations

extension JSONTree {
    /// Changes the tree at one node, which may be deep inside.
    mutating func mutate(_ random: inout FuzzRandom) {
        switch self {
        case .object(var members):
            if members.isEmpty || random.once(in: 3) {
                Self.mutate(&members, &random)
            } else {
                members[random.below(members.count)].value.mutate(&random)
            }
            self = random.once(in: 60) ? .array(members.map(\.value)) : .object(members)
        case .array(var elements):
            if elements.isEmpty || random.once(in: 3) {
                Self.mutate(&elements, &random)
            } else {
                elements[random.below(elements.count)].mutate(&random)
            }
            self = .array(elements)
        case .raw:
            switch random.below(8) {
            case 0: self = .array([self])
            case 1: self = .object([(random.pick(HostileJSON.strings), self)])
            default: self = HostileJSON.value(&random)
            }
        }
    }

    private static func mutate(_ members: inout [(key: [UInt8], value: JSONTree)], _ random: inout FuzzRandom) {
        guard !members.isEmpty else {
            members.append((random.pick(HostileJSON.strings), HostileJSON.value(&random)))
            return
        }
        let index = random.below(members.count)
        switch random.below(7) {
        case 0: members.remove(at: index)
        case 1: members.append(members[index])
        case 2: members.insert((members[index].key, HostileJSON.value(&random)), at: random.below(members.count + 1))
        case 3: members[index].key = random.pick(HostileJSON.strings)
        case 4: members.insert((random.pick(HostileJSON.strings), HostileJSON.value(&random)), at: index)
        case 5: members.shuffle(using: &random)
        default:
            let other = random.below(members.count)
            (members[index].value, members[other].value) = (members[other].value, members[index].value)
        }
    }

    private static func mutate(_ elements: inout [JSONTree], _ random: inout FuzzRandom) {
        guard !elements.isEmpty else {
            elements.append(HostileJSON.value(&random))
            return
        }
        let index = random.below(elements.count)
        switch random.below(5) {
        case 0: elements.remove(at: index)
        case 1: elements.append(elements[index])
        case 2: elements.insert(HostileJSON.value(&random), at: index)
        case 3: elements.shuffle(using: &random)
        default: elements[index] = HostileJSON.value(&random)
        }
    }
}

/// Values that are difficult for JSON readers.
enum HostileJSON {
    static func value(_ random: inout FuzzRandom) -> JSONTree {
        switch random.below(10) {
        case 0...3: .raw(random.pick(numbers))
        case 4...6: .raw(random.pick(strings))
        case 7: .raw(random.pick(words))
        case 8: .raw(nested(random.pick(depths), &random))
        default: .raw(JSONTree.quoted(String(repeating: "x", count: 1 << random.below(12))))
        }
    }

    static let numbers = [
        "0", "1", "2", "-0", "-1", "1.0", "1e0", "1E+2", "1e999", "-1e999", "1e-999", "0e99999999999999999999", "0.1",
        "1e99999999999999999999", "-1e-99999999999999999999", "2147483648", "4294967296", "9007199254740993",
        "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
        "-9223372036854775808", "-9223372036854775809", "123456789012345678901234567890", "1.7976931348623157e308",
        "1.8e308", "00", "01", "-01", "1.", ".5", "+1", "-", "1e", "1e+", "NaN", "Infinity", "0x10", "1_000",
        String(repeating: "1", count: 400), "0." + String(repeating: "3", count: 2000),
    ]
    static let words = [
        "null", "true", "false", "[]", "{}", "nul", "True", "", "[null]", "{\"a\":1}", "{\"a\":1,\"a\":2}", "[1,]", ",",
        "{\"a\"}", "/*x*/1", "'a'", "[[],{},[{}]]",
    ]
    /// Strings with their quotes; some lack the closing one.
    static let strings: [[UInt8]] =
        [
            #""""#, #""a""#, #""..""#, #"".""#, #""../../x""#, #""/etc/hostname""#, #""a\u0000b""#, #""\ud800""#,
            #""\udc00""#, #""\ud83d\ude00""#, #""\ud83d\n""#, #""\uD800\uD800""#, #""\x""#, #""\u12""#, #""\"#,
            #""unended"#, "\"\u{E9}\"", "\"e\u{301}\"", "\"\u{202E}\u{7F}\u{FEFF}\"", "\"\u{1}\"", "\"\n\"",
            "\"\\n\\t\\/\"",
            #""\u001b[31m""#, #""__metadata__""#, #""__metad\u0061ta__""#,
        ].map { Array($0.utf8) } + ByteMutator.badUTF8.map { [0x22] + $0 + [0x22] }

    /// Depths around the limits of readers, and far beyond.
    private static let depths = [1, 2, 5, 60, 64, 65, 100] + Array(120...130) + [1000, 100_000]

    private static func nested(_ depth: Int, _ random: inout FuzzRandom) -> [UInt8] {
        let (opening, closing) = random.once(in: 2) ? ("[", "]") : (#"{"a":"#, "}")
        let middle = opening == "[" ? "" : "1"
        let isClosed = !random.once(in: 6)
        return Array(String(repeating: opening, count: depth).utf8) + Array(middle.utf8)
            + (isClosed ? Array(String(repeating: closing, count: depth).utf8) : [])
    }
}
