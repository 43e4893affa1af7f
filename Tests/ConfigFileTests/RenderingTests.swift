import ConfigFile
import TestSupport
import Testing

@Suite("Writing configurations")
struct RenderingTests {
    @Test("the resolved configuration holds every value, nested, in the table's order")
    func resolved() throws {
        let configuration = try configuration(
            "training: {steps: 7}\ndata: {train: [a.txt, 'b c.txt'], prompt: 'yes'}\ntask: language-model\n",
            set: ["model.init.forget_bias={chrono: 110}"])
        #expect(
            configuration.yaml == """
                task: language-model
                data:
                  train: [a.txt, "b c.txt"]
                  prompt: "yes"
                model:
                  cell: lstm
                  hidden: 128
                  bidirectional: false
                  dropout: 0.0
                  init:
                    scale: auto
                    forget_bias:
                      chrono: 110
                training:
                  batch: 50
                  steps: 7
                  optimizer:
                    name: adam
                    learning_rate: 0.002
                    betas: [0.9, 0.999]
                    weight_decay: 0.0
                vocabulary: 10000

                """)
    }

    @Test("the annotated configuration adds origin, meaning and accepted values, in columns")
    func annotated() throws {
        let table = ConfigTable(
            keys: [
                ConfigKey("task", .choice(["adding", "reber"]), "What is learned."),
                ConfigKey("data.train", .texts, when: Condition(path: "task", isOneOf: ["text"]), "The text."),
                ConfigKey("model.hidden", .integer(1...9), default: .integer(3), "Units."),
                ConfigKey("model.steps", .integer(1...9), default: .integer(4), "Steps."),
                ConfigKey("model.epochs", .integer(1...9), "Epochs."),
                ConfigKey("model.name", .text, "Its name."),
            ], exclusive: [["model.steps", "model.epochs"]])
        let configuration = try Configuration(
            yaml: "task: reber", file: "a.yaml", overrides: ["model.epochs=2"], table: table)
        #expect(
            configuration.annotatedYAML == """
                task: reber  # line 1                   · What is learned. · adding or reber
                # data:
                  # train    # if task is text          · The text. · a text or a list of texts
                model:
                  hidden: 3  # default                  · Units. · an integer from 1 to 9
                  # steps    # replaced by model.epochs · Steps. · an integer from 1 to 9
                  epochs: 2  # --set                    · Epochs. · an integer from 1 to 9
                  # name     # not given                · Its name. · a text

                """)
        let again = try Configuration(yaml: configuration.annotatedYAML, file: "again", table: table)
        #expect(again == configuration)
    }

    @Test("texts that YAML would read differently are read back unchanged")
    func texts() throws {
        let texts = [
            "123", "1e5", "0x10", "yes", "No", "null", "~", " ", "a: b", "a #b", "#", "- a", "-", "*x", "&x", "!x",
            "%x",
            "@x", "`x", "|", ">", "{a}", "[a]", "a,b", "\"", "'", "\\", "a\nb", "\t", "\r\n", "\u{0}", "\u{7F}",
            "\u{85}",
            "\u{2028}", "\u{FEFF}", "é", "e\u{301}", "\u{1F600}", "\u{10FFFF}", "...", "---", "<<", "=", "?", "? a",
            ":",
            "2024-01-02", "12:30", ".nan", "a b ", String(repeating: "x y ", count: 1000), "nan", "./a/*.txt", "C:\\x",
            "+1", ".5", "1_000", "𝒙", "日本語.txt", "\u{E000}", "\u{FFFE}", "\u{200B}", "+.INF",
        ]
        for text in texts {
            let quoted = "data.prompt=" + singleQuoted(text)
            guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value < 0x7F }) else { continue }
            let configuration = try configuration("task: reber", set: [quoted])
            try expectSame(configuration, text)
        }
        for text in texts {
            let table = ConfigTable(keys: [
                ConfigKey("data.prompt", .text, default: .text(text), "The prompt."),
                ConfigKey("data.validation", .texts, default: .list([.text(text), .text("b")]), "Files."),
                ConfigKey("data.test", .texts, default: .list([.text(text)]), "Files."),
                ConfigKey("seed", .integer(0...9), "The seed."),
            ])
            let configuration = try Configuration(yaml: "seed: 1", file: "a", table: table)
            let again = try Configuration(yaml: configuration.yaml, file: "again", table: table)
            #expect(again == configuration)
            #expect(again.origin("data.prompt") != .default)
            #expect(Array(again.text("data.prompt").unicodeScalars) == Array(text.unicodeScalars))
            #expect(again.texts("data.validation") == [text, "b"])
            #expect(again.texts("data.test") == [text])
        }
    }

    @Test(
        "a text that another YAML reader would read as a number, a date or a keyword is quoted, others are not",
        arguments: [
            ("123", true), ("1e5", true), ("0x10", true), (".5", true), ("1_000", true), ("2024-01-02", true),
            ("yes", true), ("NO", true), ("null", true), (".nan", true), ("-x", true), ("a b", true), ("a:b", true),
            ("", true), ("valid.txt", false), ("2024.txt", false), ("./data/ptb.train.txt", false), ("none", false),
        ])
    func quotes(text: String, isQuoted: Bool) {
        #expect(ConfigValue.text(text).yamlText == (isQuoted ? "\"\(text)\"" : text))
    }

    @Test("random numbers are read back exactly", arguments: [UInt64(1), 2, 3])
    func numbers(seed: UInt64) throws {
        var random = SeededRandom(seed)
        let table = ConfigTable(keys: [
            ConfigKey("x", .numbers(count: 20, .any), "Numbers."), ConfigKey("y", .number(.any), "A number."),
            ConfigKey("n", .integer(Int.min...Int.max), "An integer."),
        ])
        for _ in 0..<200 {
            let numbers = (0..<20).map { _ in random.finiteDouble() }
            let integer = Int(bitPattern: UInt(random.next()))
            let text = "x: [\(numbers.map(\.description).joined(separator: ", "))]\ny: \(numbers[0])\nn: \(integer)\n"
            let configuration = try Configuration(yaml: text, file: "a", table: table)
            let again = try Configuration(yaml: configuration.yaml, file: "again", table: table)
            #expect(again.numbers("x") == numbers)
            #expect(again.number("y") == numbers[0])
            #expect(again.integer("n") == integer)
        }
    }

    @Test("the reference is a Markdown table of all keys")
    func reference() {
        let lines = sampleTable.reference.split(separator: "\n")
        #expect(lines.count == sampleTable.keys.count + 2)
        #expect(lines[0] == "| key | accepted | default | on resume | meaning |")
        #expect(lines[2] == "| `task` | language-model or reber | required | fixed | What is learned. |")
        #expect(
            lines[3]
                == "| `data.train` | a text or a list of texts | required | same contents | The training text. (only while task is "
                + "language-model) |")
        #expect(
            lines.contains(
                "| `training.optimizer.weight_decay` | a number of at least 0 | 0.0; 0.01 (training.optimizer.name is "
                    + "adamw) | fixed | The pull to zero. |"))
        #expect(
            lines.contains("| `training.steps` | an integer of at least 1 | none | may change | Optimiser steps. |"))
    }

    private func expectSame(_ configuration: Configuration, _ text: String) throws {
        #expect(configuration.text("data.prompt") == text)
        let again = try Configuration(yaml: configuration.yaml, file: "again", table: sampleTable)
        #expect(again == configuration)
    }

    private func singleQuoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
}
