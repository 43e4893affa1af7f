import ConfigFile
import Testing

@Suite("Messages about keys")
struct KeyMessageTests {
    @Test("a misspelt key names the nearest one")
    func misspelt() {
        #expect(
            message("task: reber\nmodel:\n  hiden: 3\n")
                == "configs/a.yaml, line 3: model.hiden is not a key; did you mean model.hidden?")
        #expect(
            message(set: "training.bach=3")
                == "--set training.bach=3: training.bach is not a key; did you mean training.batch?")
        #expect(
            message("task: reber\nmodle:\n  hidden: 3\n")
                == "configs/a.yaml, line 2: modle is not a key; did you mean model?")
    }

    @Test("a key of another section is found by its last part")
    func otherSection() {
        #expect(
            message("task: reber\ntraining:\n  learning_rate: 1\n") == "configs/a.yaml, line 3: "
                + "training.learning_rate is not a key; did you mean training.optimizer.learning_rate?")
        #expect(
            message(set: "hiden=3") == "--set hiden=3: hiden is not a key; did you mean model.hidden?")
    }

    @Test("the message about a key that is near to none lists the keys of its section")
    func unknown() {
        #expect(
            message("task: reber\nmodel:\n  colour: red\n")
                == "configs/a.yaml, line 3: model.colour is not a key; accepted in model: "
                + "cell, hidden, bidirectional, dropout, init")
        #expect(
            message("task: reber\n1: 2\n")
                == "configs/a.yaml, line 2: 1 is not a key; accepted: task, data, model, training, vocabulary")
        #expect(
            message(set: "model.hidden.units=3")
                == "--set model.hidden.units=3: model.hidden.units is not a key; accepted in model: "
                + "cell, hidden, bidirectional, dropout, init")
    }

    @Test("a path written as one key is refused; the message asks for nested sections")
    func dotted() {
        #expect(
            message("task: reber\ntraining.batch: 3\n") == "configs/a.yaml, line 2: training.batch is written as one "
                + "key; accepted: nested sections, or --set training.batch=…")
    }

    @Test("a duplicate key is refused with both lines")
    func doubled() {
        #expect(
            message("task: reber\nmodel:\n  hidden: 3\n  cell: gru\n  hidden: 3\n")
                == "configs/a.yaml, line 5: model.hidden is given already in line 3; accepted: once")
        #expect(
            message("task: reber\nmodel:\n  cell: gru\ntask: reber\nmodel: {}\n")
                == "configs/a.yaml, line 4: task is given already in line 1; accepted: once")
        #expect(
            message("task: reber\nmodel: {hidden: 3, \"hidden\": 4}\n")
                == "configs/a.yaml, line 2: model.hidden is given twice; accepted: once")
    }

    @Test("a key set twice is refused with both arguments")
    func setTwice() {
        #expect(
            message("task: reber\n", set: ["training.batch=2", "training.batch=3"])
                == "--set training.batch=3: training.batch is given already by --set training.batch=2; accepted: once")
        #expect(
            message("task: reber\n", set: ["training={batch: 2}", "training.batch=3"])
                == "--set training.batch=3: training.batch is given already by --set training={batch: 2}; "
                + "accepted: once")
        #expect(
            message("task: reber\n", set: ["training.batch=3", "training.batch=3"])
                == "--set training.batch=3: training.batch is given twice; accepted: once")
    }

    @Test("two alternatives from one source are refused with both locations")
    func alternatives() {
        #expect(
            message("task: reber\ntraining:\n  epochs: 2\n  steps: 3\n") == "configs/a.yaml, line 4: training.steps "
                + "excludes training.epochs, which is given in line 3; accepted: one of them")
        #expect(
            message("task: reber\n", set: ["training.steps=3", "training.epochs=2"])
                == "--set training.epochs=2: training.epochs excludes training.steps, which is given by "
                + "--set training.steps=3; accepted: one of them")
        #expect(
            message("task: reber\ntraining: {epochs: 2, steps: 3}\n") == "configs/a.yaml, line 2: training.steps "
                + "excludes training.epochs, which is given together with it; accepted: one of them")
    }

    @Test("the message about a key that does not apply has the reason and the condition")
    func notApplicable() {
        let momentum = "task: reber\ntraining:\n  optimizer:\n    momentum: 0.5\n"
        #expect(
            message(momentum) == "configs/a.yaml, line 4: training.optimizer.momentum does not apply while "
                + "training.optimizer.name is adam (default); accepted: only while training.optimizer.name is momentum")
        #expect(
            message(momentum + "    name: sgd\n") == "configs/a.yaml, line 4: training.optimizer.momentum does not "
                + "apply while training.optimizer.name is sgd (in line 5); accepted: only while "
                + "training.optimizer.name is momentum")
        #expect(
            message(momentum + "    name: momentum\n", set: ["training.optimizer.name=adamw"])
                == "configs/a.yaml, line 4: training.optimizer.momentum does not apply while training.optimizer.name "
                + "is adamw (by --set training.optimizer.name=adamw); accepted: only while training.optimizer.name is "
                + "momentum")
    }

    @Test("the message about a missing key has the accepted values and why it is required")
    func missing() {
        #expect(
            message("model:\n  hidden: 3\n")
                == "configs/a.yaml: task is missing; accepted: language-model or reber")
        #expect(
            message("task: language-model\n") == "configs/a.yaml: data.train is missing, required while task is "
                + "language-model; accepted: a text or a list of texts")
    }

    @Test("an override without key, = or value is refused")
    func incompleteOverride() {
        #expect(
            message(set: "training.batch")
                == "--set training.batch: missing '='; accepted: --set key.path=value")
        #expect(message(set: "=3") == "--set =3: missing key before '='; accepted: --set key.path=value")
        #expect(
            message(set: "training.batch=") == "--set training.batch=: training.batch is empty; accepted: an integer "
                + "from 1 to 1000000")
        #expect(message(set: "") == "--set : missing '='; accepted: --set key.path=value")
    }
}
