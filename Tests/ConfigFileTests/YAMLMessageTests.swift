import ConfigFile
import Testing

@Suite("Messages about YAML")
struct YAMLMessageTests {
    @Test("broken YAML is refused with its line")
    func broken() {
        #expect(
            message("task: reber\nmodel:\n  hidden: 3: 4\n")
                == "configs/a.yaml, line 3: broken YAML: mapping values are not allowed in this context")
        #expect(
            message("task: reber\nmodel: {hidden: 3\ntraining:\n")
                == "configs/a.yaml, line 3: broken YAML: did not find expected ',' or '}' while parsing a flow mapping "
                + "that starts in line 2")
        #expect(
            message("task: reber\nmodel:\n\thidden: 3\n") == "configs/a.yaml, line 3: broken YAML: found character "
                + "that cannot start any token while scanning for the next token; YAML is indented with spaces, not tabs"
        )
        #expect(
            message("task: reber\nmodel:\n  hidden: 3\n cell: gru\n") == "configs/a.yaml, line 4: broken YAML: did not "
                + "find expected key while parsing a block mapping that starts in line 1")
        #expect(
            message("task: reber\n\ndata: \u{7}\n")
                == "configs/a.yaml, line 3: broken YAML: control characters are not allowed")
        #expect(
            message("task: reber\nmodel: [\n\n") == "configs/a.yaml, line 3: broken YAML: did not find expected node "
                + "content while parsing a flow node")
        #expect(
            message(set: "data.validation=[a, b") == "--set data.validation=[a, b: broken YAML: did not find expected "
                + "',' or ']' while parsing a flow sequence; a value that begins with [, { or a quote is read as YAML")
        #expect(
            message("task: reber\ndata: {train: *.txt}\n").hasSuffix(
                "; a value that begins with * is written in quotes, as \"*.txt\""))
    }

    @Test("blanks that look like a space are shown by their code")
    func blanks() {
        #expect(message("task: reber\nmodel: {hidden: 4\u{A0}}\n").contains("model.hidden is 4\\u{a0}; accepted"))
    }

    @Test(
        "a text without keys is refused",
        arguments: ["", "\n", "# only a comment\n", "---\n", "~\n", "{}\n", "\u{FEFF}"])
    func empty(yaml: String) {
        #expect(
            message(yaml) == "configs/a.yaml is empty; accepted: a section with the keys "
                + "task, data, model, training, vocabulary")
    }

    @Test("a text that is not a section is refused")
    func noSection() {
        let accepted = "accepted: a section with the keys task, data, model, training, vocabulary"
        #expect(message("\n- task\n- model\n") == "configs/a.yaml, line 2: the document is [task, model]; \(accepted)")
        #expect(message("reber\n") == "configs/a.yaml, line 1: the document is reber; \(accepted)")
    }

    @Test("a second document is refused")
    func documents() {
        #expect(
            message("task: reber\n---\ntask: reber\n")
                == "configs/a.yaml, line 2: a second document begins; accepted: one document")
        #expect(message("---\ntask: reber\n...\n") == "accepted")
    }

    @Test("anchors, aliases and tags are refused")
    func anchors() {
        #expect(
            message("task: reber\ndata:\n  train: &a x.txt\n  validation: *a\n")
                == "configs/a.yaml, line 3: data.train "
                + "has the anchor &a; accepted: values written out, without anchors and aliases")
        #expect(
            message("task: reber\ndata:\n  train: *a\n") == "configs/a.yaml, line 3: data.train is the alias *a; "
                + "accepted: values written out, without anchors and aliases")
        #expect(
            message("task: reber\nmodel:\n  <<: *a\n") == "configs/a.yaml, line 3: model.<< is the alias *a; "
                + "accepted: values written out, without anchors and aliases")
        #expect(
            message("task: reber\nmodel:\n  hidden: !!int \"3\"\n")
                == "configs/a.yaml, line 3: model.hidden has the tag !!int; accepted: values without tags")
    }

    @Test("a bomb of aliases as keys ends immediately")
    func bomb() {
        var yaml = "a0: &a0 [x, x]\n"
        for level in 1...60 { yaml += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        yaml += "? *a60\n: 1\n"
        #expect(
            message(yaml) == "configs/a.yaml, line 1: a0 has the anchor &a0; accepted: values written out, without "
                + "anchors and aliases")
    }

    @Test("a key that is not a name is refused")
    func oddKeys() {
        #expect(
            message("task: reber\n? [a, b]\n: 3\n")
                == "configs/a.yaml, line 2: [a, b] is used as a key; accepted: a name")
        #expect(
            message("task: reber\n? \n: 3\n") == "configs/a.yaml, line 2: a key is missing; accepted: a name")
    }

    @Test("deep nesting and very long texts are refused")
    func bounds() {
        let deep = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        #expect(
            message("task: \(deep)\n")
                == "configs/a.yaml, line 1: more than 20 levels of nesting; accepted: at most 20")
        #expect(
            message("# " + String(repeating: "x", count: 1 << 20))
                == "configs/a.yaml, line 1: 1048578 bytes of text; accepted: at most 1048576")
    }

    @Test("Windows line ends and a byte order mark are read")
    func windows() throws {
        let configuration = try configuration("\u{FEFF}task: reber\r\nmodel:\r\n  hidden: 3\r\n")
        #expect(configuration.place("model.hidden") == "configs/a.yaml, line 3: model.hidden")
        #expect(configuration.integer("model.hidden") == 3)
    }

    @Test("bytes that are not UTF-8 are refused with their line")
    func notUTF8() throws {
        #expect(try Configuration.text(of: Array("täsk: 1\n".utf8), file: "a.yaml") == "täsk: 1\n")
        let error = #expect(throws: ConfigError.self) {
            try Configuration.text(of: Array("task: reber\nx: ".utf8) + [0xE4, 0x0A], file: "a.yaml")
        }
        #expect(error?.description == "a.yaml, line 2: bytes that are not UTF-8; accepted: YAML in UTF-8")
    }
}
