import FuzzSupport

/// What the command line says.
struct FuzzOptions {
    private(set) var readers: [FuzzReader] = []
    /// nil: each reader's full count.
    private(set) var mutations: Int?
    private(set) var seed: UInt64 = 1
    /// The number of the first mutation.
    private(set) var first = 0
    /// Where mutated files are written, and stay if a reader failed; nil: a temporary folder.
    private(set) var keep: String?
    /// Whether every file goes to standard output with the verdict (see `Worker`).
    private(set) var packs = false
    private(set) var isWorker = false
    private(set) var isList = false

    struct Misuse: Error, CustomStringConvertible { let description: String }

    init(_ arguments: some Sequence<String>) throws {
        var rest = Array(arguments)[...]
        func number<Number: FixedWidthInteger>(_ option: String, _: Number.Type) throws -> Number {
            let text = rest.popFirst() ?? ""
            guard let number = Number(text), number >= 0 else {
                throw Misuse(description: "\(option) wants a whole number, found '\(text)'.")
            }
            return number
        }
        while let option = rest.popFirst() {
            switch option {
            case "--reader":
                let name = rest.popFirst() ?? ""
                guard let reader = FuzzReader.all.first(where: { $0.name == name }) else {
                    let names = FuzzReader.all.map(\.name).joined(separator: ", ")
                    throw Misuse(description: "There is no reader '\(name)'; there are \(names).")
                }
                readers.append(reader)
            case "--mutations": mutations = try number(option, Int.self)
            case "--seed": seed = try number(option, UInt64.self)
            case "--from": first = try number(option, Int.self)
            case "--keep": keep = rest.popFirst()
            case "--pack": packs = true
            case "--worker": isWorker = true
            case "--list": isList = true
            default: throw Misuse(description: "Unknown option '\(option)'.")
            }
        }
        if readers.isEmpty { readers = FuzzReader.all }
    }
}
