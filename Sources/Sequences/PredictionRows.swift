/// Rows of a CSV file (RFC 4180, but lines end with a line feed), as `predict` writes them; built field by field.
package struct PredictionRows {
    package private(set) var bytes: [UInt8] = []
    private var isAtRowStart = true

    package init() {}

    /// Adds a text, quoted if it has a comma, a quote or a line break.
    package mutating func add(_ text: String) {
        begin()
        guard text.utf8.contains(where: { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }) else {
            bytes += text.utf8
            return
        }
        bytes.append(0x22)
        for byte in text.utf8 {
            if byte == 0x22 { bytes.append(byte) }
            bytes.append(byte)
        }
        bytes.append(0x22)
    }

    package mutating func add(_ number: Int) {
        begin()
        bytes += "\(number)".utf8
    }

    /// Adds the shortest decimal number that reads back as the same Float.
    package mutating func add(_ number: Float) {
        begin()
        bytes += "\(number)".utf8
    }

    package mutating func endRow() {
        bytes.append(0x0A)
        isAtRowStart = true
    }

    package mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    private mutating func begin() {
        if !isAtRowStart { bytes.append(0x2C) }
        isAtRowStart = false
    }
}

extension PredictionRows {
    /// The columns of a task with few classes: the most likely class, the correct class, and the probability of each.
    package static func classColumns(_ names: [String]) -> [String] { ["class", "target"] + names.map { "p_\($0)" } }

    /// Adds the fields of `classColumns`.
    package mutating func add(_ probabilities: UnsafeBufferPointer<Float>, of names: [String], target: Int32) {
        add(names[probabilities.likeliest])
        add(names[Int(target)])
        for probability in probabilities { add(probability) }
    }
}

extension UnsafeBufferPointer<Float> {
    /// The index of the largest value, the first of equal ones; 0 if all are NaN.
    var likeliest: Int {
        var best = 0
        for index in indices where self[index] > self[best] || self[best].isNaN { best = index }
        return best
    }
}
