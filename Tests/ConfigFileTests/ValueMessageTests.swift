import ConfigFile
import Testing

@Suite("Messages about values")
struct ValueMessageTests {
    @Test(
        "an invalid integer is refused",
        arguments: [
            ("-1", "-1"), ("0", "0"), ("999999999999", "999999999999"),
            ("99999999999999999999", "99999999999999999999"), ("1_000", "1_000"), ("0x10", "0x10"), ("010", "010"),
            ("1.5", "1.5"), ("1e400", "1e400"), (".nan", ".nan"), ("\"12\"", "the text \"12\""),
            ("'12'", "the text \"12\""),
            ("many", "many"), ("true", "true"), ("[3]", "[3]"), ("{a: 1}", "a section"), ("~", "~"), ("", "empty"),
            ("12 apples", "12 apples"), ("1.", "accepted"), ("1e3", "accepted"), ("1000.0", "accepted"),
            ("+3", "accepted"), ("65536", "accepted"), ("65537", "65537"), ("１２", "１２"),
        ])
    func integers(written: String, found: String) {
        let message = message("task: reber\nmodel:\n  cell: gru\n  hidden: \(written)\n")
        let refusal = "configs/a.yaml, line 4: model.hidden is \(found); accepted: an integer from 1 to 65536"
        #expect(message == (found == "accepted" ? "accepted" : refusal))
    }

    @Test(
        "an invalid number is refused",
        arguments: [
            "nan", ".nan", "NaN", "inf", ".inf", "-.inf", "infinity", "1e999", "0", "-0.0", "1e-999", "-1", "0x1p3",
            "1e",
            ".", "--1", "1,5", "01", "1_0.5", "fast",
        ])
    func numbers(written: String) {
        #expect(
            message(set: "training.optimizer.learning_rate=\(written)")
                == "--set training.optimizer.learning_rate=\(written): training.optimizer.learning_rate is \(written); "
                + "accepted: a number above 0")
    }

    @Test("every kind's message has the accepted values")
    func kinds() {
        #expect(
            message(set: "model.dropout=1") == "--set model.dropout=1: model.dropout is 1; accepted: a number of at "
                + "least 0 and below 1")
        #expect(
            message(set: "model.bidirectional=y")
                == "--set model.bidirectional=y: model.bidirectional is y; accepted: true or false")
        #expect(
            message(set: "model.cell=lstn")
                == "--set model.cell=lstn: model.cell is lstn; accepted: rnn, lstm or gru; did you mean lstm?")
        #expect(
            message(set: "model.cell=transformer")
                == "--set model.cell=transformer: model.cell is transformer; accepted: rnn, lstm or gru")
        #expect(
            message(set: "data.prompt=\"\"")
                == "--set data.prompt=\"\": data.prompt is an empty text; accepted: a text")
        #expect(
            message(set: "data.prompt=null") == "--set data.prompt=null: data.prompt is null; accepted: a text")
        #expect(
            message(set: "data.validation=[]")
                == "--set data.validation=[]: data.validation is an empty list; accepted: a text or a list of texts")
        #expect(
            message(set: "data.validation=[a, [b]]") == "--set data.validation=[a, [b]]: data.validation is [a, […]]; "
                + "accepted: a text or a list of texts")
        #expect(
            message(set: "training.optimizer.betas=[0.9]") == "--set training.optimizer.betas=[0.9]: "
                + "training.optimizer.betas is [0.9]; accepted: a list of 2 numbers, each of at least 0 and below 1")
        #expect(
            message(set: "training.optimizer.betas=0.9") == "--set training.optimizer.betas=0.9: "
                + "training.optimizer.betas is 0.9; accepted: a list of 2 numbers, each of at least 0 and below 1")
        #expect(
            message(set: "model.init.scale=0")
                == "--set model.init.scale=0: model.init.scale is 0; accepted: auto or a number above 0")
        #expect(
            message(set: "model.init.scale=atuo") == "--set model.init.scale=atuo: model.init.scale is atuo; "
                + "accepted: auto or a number above 0; did you mean auto?")
        #expect(
            message(set: "vocabulary=2")
                == "--set vocabulary=2: vocabulary is 2; accepted: all or an integer of at least 3")
        #expect(
            message("task:\n") == "configs/a.yaml, line 1: task is empty; accepted: language-model or reber")
    }

    @Test("a section instead of a value, and the reverse, are refused")
    func sections() {
        #expect(
            message("task: reber\nmodel: lstm\n") == "configs/a.yaml, line 2: model is lstm; accepted: a section with "
                + "the keys cell, hidden, bidirectional, dropout, init")
        #expect(
            message("task: reber\ndata:\nmodel:\n  hidden: 3\n") == "configs/a.yaml, line 2: data is empty; "
                + "accepted: a section with the keys train, validation, validation_fraction, prompt")
        #expect(
            message("task: reber\ntraining:\n  - 3\n") == "configs/a.yaml, line 2: training is [3]; accepted: "
                + "a section with the keys batch, epochs, steps, optimizer")
        #expect(
            message(set: "training.optimizer=adam") == "--set training.optimizer=adam: training.optimizer is adam; "
                + "accepted: a section with the keys name, learning_rate, momentum, betas, weight_decay")
        #expect(
            message(set: "training.optimizer={}") == "--set training.optimizer={}: training.optimizer is an empty "
                + "section; accepted: a section with the keys name, learning_rate, momentum, betas, weight_decay")
        #expect(
            message("task:\n  name: reber\n")
                == "configs/a.yaml, line 1: task is a section; accepted: language-model or reber")
        #expect(
            message(set: "model.init.forget_bias=high") == "--set model.init.forget_bias=high: model.init.forget_bias "
                + "is high; accepted: a finite number, or a section with the keys chrono")
        #expect(
            message("task: reber\nmodel:\n  init:\n    forget_bias:\n      chrono: 1\n")
                == "configs/a.yaml, line 5: model.init.forget_bias.chrono is 1; accepted: an integer from 2 to 1000000")
    }

    @Test("the value found is shown on one line and shortened")
    func foundIsShort() {
        let long = String(repeating: "x", count: 100)
        #expect(
            message("task: reber\nmodel: {cell: \"a\\n\\e[31m\(long)\"}\n")
                == "configs/a.yaml, line 2: model.cell is the text \"a\\n\\u{1b}[31m\(String(repeating: "x", count: 53))…\"; "
                + "accepted: rnn, lstm or gru")
    }
}
