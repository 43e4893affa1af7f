import ConfigFile
import Testing

@Suite("Reading values")
struct ReadingTests {
    @Test("each kind is read as its type")
    func kinds() throws {
        let configuration = try configuration(
            """
            task: language-model   # a comment
            data:
              train: [a.txt, "b, c.txt"]
              validation: 2024.txt
              prompt: 123
            model: {cell: gru, hidden: 256, bidirectional: true, dropout: .5, init: {scale: 0.08}}
            training:
              batch: 1e3
              optimizer:
                betas:
                  - 0.8
                  - 0
            vocabulary: all
            """)
        #expect(configuration.text("task") == "language-model")
        #expect(configuration.texts("data.train") == ["a.txt", "b, c.txt"])
        #expect(configuration.texts("data.validation") == ["2024.txt"])
        #expect(configuration.text("data.prompt") == "123")
        #expect(configuration.text("model.cell") == "gru")
        #expect(configuration.integer("model.hidden") == 256)
        #expect(configuration.number("model.hidden") == 256)
        #expect(configuration.boolean("model.bidirectional"))
        #expect(configuration.number("model.dropout") == 0.5)
        #expect(configuration.value("model.init.scale") == .number(0.08))
        #expect(configuration.integer("training.batch") == 1000)
        #expect(configuration.numbers("training.optimizer.betas") == [0.8, 0])
        #expect(configuration.value("vocabulary") == .text("all"))
    }

    @Test(
        "YAML 1.1's boolean words are read by the key's kind",
        arguments: [("yes", true), ("no", false), ("on", true), ("OFF", false), ("True", true), ("false", false)])
    func booleans(written: String, meant: Bool) throws {
        #expect(
            try configuration("task: reber\nmodel: {bidirectional: \(written)}\n").boolean("model.bidirectional")
                == meant)
        #expect(try configuration("task: reber\ndata: {prompt: \(written)}\n").text("data.prompt") == written)
    }

    @Test("a whole number is exact or refused")
    func exactIntegers() throws {
        let kind = ConfigKey.Kind.integer(Int.min...Int.max)
        let table = ConfigTable(keys: [ConfigKey("n", kind, "A number.")])
        func read(_ text: String) -> Int? {
            (try? Configuration(yaml: "n: \(text)", file: "n", table: table))?.integer("n")
        }
        #expect(read("9223372036854775807") == Int.max)
        #expect(read("-9223372036854775808") == Int.min)
        #expect(read("9223372036854775808") == nil)
        #expect(read("9007199254740991.0") == 9_007_199_254_740_991)
        #expect(read("9007199254740993.0") == nil)
        #expect(read("1.0e+3") == 1000)
        #expect(read("-0") == 0)
        #expect(read("1e-3") == nil)
    }

    @Test("an override is taken literally, unless it starts a list, a section or a quoted text")
    func overrides() throws {
        func prompt(_ text: String) throws -> String {
            try configuration("task: reber", set: ["data.prompt=\(text)"]).text("data.prompt")
        }
        #expect(try prompt("a: b # c") == "a: b # c")
        #expect(try prompt("*.txt") == "*.txt")
        #expect(try prompt("x=y=z") == "x=y=z")
        #expect(try prompt("  padded ") == "padded")
        #expect(try prompt("' padded '") == " padded ")
        #expect(try prompt("\"a\\nb\"") == "a\nb")
        let both = try configuration(
            "task: language-model",
            set: [
                "data.train=[a.txt, b.txt]", "training.optimizer={name: adamw, learning_rate: 1, betas: [0.9, 0.99]}",
            ])
        #expect(both.texts("data.train") == ["a.txt", "b.txt"])
        #expect(both.text("training.optimizer.name") == "adamw")
        #expect(both.numbers("training.optimizer.betas") == [0.9, 0.99])
        #expect(both.number("training.optimizer.learning_rate") == 1)
    }

    @Test("the order of keys does not matter")
    func order() throws {
        let one = try configuration("task: reber\nmodel:\n  hidden: 3\n  cell: gru\n")
        let other = try configuration("model:\n  cell: gru\n  hidden: 3\ntask: reber\n")
        #expect(one == other)
        #expect(try one != configuration("task: reber\nmodel:\n  hidden: 4\n  cell: gru\n"))
    }
}
