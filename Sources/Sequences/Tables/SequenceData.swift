import ConfigFile
import System

/// The sequences of a configuration's splits, read from their files, with the inputs that the training part defines.
struct SequenceData {
    /// Some sequences of a table.
    struct Part {
        let table: SequenceTable
        let sequences: [Int]

        init(_ table: SequenceTable, _ sequences: [Int]? = nil) {
            self.table = table
            self.sequences = sequences ?? Array(0..<table.count)
        }
    }

    static let keys = [
        ConfigKey(
            "data.format", .choice([ReaderTable.automatic] + ReaderTable.all.map { $0.format }),
            default: .text(ReaderTable.automatic), "Format of the files; auto: by the ending of each one's name."),
        ConfigKey(
            "data.missing", .choice(MissingValues.allCases.map(\.rawValue)), default: .text("indicator"),
            "Missing values of series: an error, the channel's mean, its last value, or the mean and a second channel that is 1 there."
        ),
        ConfigKey(
            "data.scaling", .choice(Scaling.allCases.map(\.rawValue)), default: .text("standard"),
            "Scaling of each channel of series by the training data: none, to mean 0 and standard deviation 1, or to 0 to 1."
        ),
        ConfigKey(
            "training.shuffle", .boolean, default: .boolean(true),
            "Each epoch has the sequences in another order, in batches of similar lengths; false: the files' order."),
    ]

    let inputs: SequenceInputs
    /// The part that the model is trained on, where the inputs or a split need it.
    let training: Part?
    let validation: Part?
    let test: Part?
    let files: [(split: String, paths: [String])]

    /// Reads what the request needs.
    ///
    /// - Throws: a `TextError` for a file that can't be opened, a `TableError` for its contents.
    init(_ configuration: Configuration, _ request: DataRequest) throws {
        let format = configuration.text("data.format")
        var files: [(split: String, paths: [String])] = []

        func read(_ patterns: [String], _ place: String, as split: String) throws -> SequenceTable {
            let opened = try TextFiles(patterns: patterns, place: place)
            files.append((split, opened.paths))
            return try ReaderTable.read(opened, format: format)
        }
        func read(_ split: DataRequest.Split) throws -> SequenceTable {
            let key = "data.\(split.rawValue)"
            return try read(configuration.texts(key), configuration.place(key), as: split.rawValue)
        }

        let fraction =
            configuration.has("data.validation_fraction") ? configuration.number("data.validation_fraction") : 0
        let wantsValidation = request.splits.contains(.validation)
        let holdsOut = wantsValidation && fraction > 0
        var (training, validation, test) = (Part?.none, Part?.none, Part?.none)
        if request.splits.contains(.train) || request.artifacts == nil || holdsOut {
            let table = try read(.train)
            let divided = SequenceOrder.divide(table.count, fraction: fraction, seed: request.seed)
            guard !divided.others.isEmpty else {
                throw TableError(
                    path: files[0].paths[0], found: counted(table.count, "sequence"),
                    accepted: "more, since data.validation_fraction takes \(divided.part.count) of them")
            }
            training = Part(table, divided.others)
            if holdsOut {
                guard !divided.part.isEmpty else {
                    throw TableError(
                        path: files[0].paths[0], found: counted(table.count, "sequence"),
                        accepted: "more, or a larger data.validation_fraction, which takes none of them")
                }
                validation = Part(table, divided.part)
            }
        }
        if wantsValidation, configuration.has("data.validation") { validation = Part(try read(.validation)) }
        if request.splits.contains(.test) {
            if let given = request.testFiles {
                test = Part(try read(given, request.testOption, as: "test"))
            } else if configuration.has("data.test") {
                test = Part(try read(.test))
            }
        }
        if let artifacts = request.artifacts {
            guard let trained = try SequenceInputs(artifacts) else {
                throw MissingArtifact(name: "\(SeriesFeatures.name) or \(Vocabulary.artifactName)")
            }
            inputs = trained
        } else if let training {
            inputs = try Self.inputs(configuration, training)
        } else {
            preconditionFailure("the training part is read where there are no artifacts")
        }
        for part in [training, validation, test].compactMap({ $0 }) { try inputs.check(part.table) }
        self.training = training
        self.validation = validation
        self.test = test
        self.files = files
    }

    private static func inputs(_ configuration: Configuration, _ training: Part) throws -> SequenceInputs {
        if training.table.isText {
            let (kind, size) = TokenData.choice(configuration)
            return .tokens(.of(training.table.texts, kind, size: size))
        }
        return .features(
            try SeriesFeatures(
                training.table, training.sequences,
                MissingValues(rawValue: configuration.text("data.missing")) ?? .indicator,
                Scaling(rawValue: configuration.text("data.scaling")) ?? .standard))
    }

    /// What a user should know of the files.
    var notes: [String] {
        [training, validation, test].compactMap { $0 }.flatMap(\.table.notes).reduce(into: []) { notes, note in
            if !notes.contains(note) { notes.append(note) }
        }
    }
}
