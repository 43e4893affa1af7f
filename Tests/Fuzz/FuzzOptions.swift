import FuzzSupport

/// The command line's options.
struct FuzzOptions {
    private(set) var readers: [FuzzReader] = []
    /// nil means each reader's full count.
    private(set) var mutations: Int?
    private(set) var seed: UInt64 = 1
    /// The index of the first mutation.
    private(set) var first = 0
    /// The folder of the mutated files, which are kept if a reader failed; nil for a temporary folder.
    private(set) var keep: String?
    /// Whether every file is written to standard output with the verdict (see `Worker`).
    private(set) var packs = false
    private(set) var isWorker = false
    private(set) var isList = false

    struct Misuse: Error, CustomStringConvertible { let description: String }

    init(_ arguments: some Sequence<String>) throws {
        var remaining = Array(arguments)[...]
        func number<Number: FixedWidthInteger>(_ option: String, _: Number.Type) throws -> Number {
            let text = remaining.popFirst() ?? ""
            guard let number = Number(text), number >= 0 else {
                throw Misuse(description: "\(option) is '\(text)'; accepted: a whole number from 0 on.")
            }
            return number
        }
        while let option = remaining.popFirst() {
            switch option {
            case "--reader":
                let name = remaining.popFirst() ?? ""
                guard let reader = FuzzReader.all.first(where: { $0.name == name }) else {
                    let names = FuzzReader.all.map(\.name).joined(separator: ", ")
                    throw Misuse(description: "Unknown reader '\(name)'; accepted: \(names).")
                }
                readers.append(reader)
            case "--mutations": mutations = try number(option, Int.self)
            case "--seed": seed = try number(option, UInt64.self)
            case "--from": first = try number(option, Int.self)
            case "--keep": keep = remaining.popFirst()
            case "--pack": packs = true
            case "--worker": isWorker = true
            case "--list": isList = true
            default: throw Misuse(description: "Unknown option '\(option)'.")
            }
        }
        if readers.isEmpty { readers = FuzzReader.all }
    }
}
