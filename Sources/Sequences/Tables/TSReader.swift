package import System

/// The .ts format of the time-series classification archives, as the Python packages aeon and sktime read it: comments
/// (`#`), a header of `@key value` lines, and after `@data` a sequence on each line: channels separated by colons, their
/// values by commas, and after the last colon the label.
///
///     @classLabel true yes no
///     @data
///     0.5,0.25,?:1,2,3:yes          a sequence of 3 time steps and 2 channels
///
/// Where header and data differ, the data count, and the table notes the difference.
package enum TSReader: SequenceReader {
    package static let format = "ts"
    package static let endings = ["ts"]

    package static func read(_ file: MappedFile, into table: inout SequenceTable) throws(TableError) {
        let path = file.path
        var header = Header(path: path)
        var data: Data?
        for whole in TextLines(file.bytes) {
            let line = whole.trimmed
            if line.isEmpty || line.begins(with: "#") { continue }
            if data != nil {
                try data?.append(line, to: &table)
            } else if try header.readsData(line) {
                data = Data(path: path, hasLabels: header.hasLabels, first: table.count)
            }
        }
        guard let data else {
            throw TableError(path: path, found: "no line @data", accepted: "a .ts file: header lines, then @data")
        }
        guard table.count > data.first else {
            throw TableError(path: path, found: "no sequence after @data", accepted: "at least one")
        }
        for note in header.differences(from: table, first: data.first) { table.note(note) }
    }

    private struct Header {
        let path: String
        private var values: [String: String] = [:]

        init(path: String) { self.path = path }

        /// Reads a header line; returns whether it is the last one.
        mutating func readsData(_ line: TextLines.Field) throws(TableError) -> Bool {
            guard line.begins(with: "@") else {
                throw TableError(
                    path: path, line: line.line, column: line.column, found: line.shownText,
                    accepted: "a header line, which begins with @, before the line @data")
            }
            let text = (line.text ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
            let key = (text.first ?? "").lowercased()
            if key == "@data" { return true }
            let value = text.dropFirst().joined(separator: " ")
            if key == "@timestamps", value.lowercased() == "true" {
                throw TableError(
                    path: path, line: line.line, found: "@timeStamps true", accepted: "series without time stamps")
            }
            values[key] = value
            return false
        }

        private func flag(_ key: String) -> Bool? {
            switch values[key]?.lowercased().split(separator: " ").first {
            case "true": true
            case "false": false
            default: nil
            }
        }

        var hasLabels: Bool { flag("@classlabel") ?? flag("@targetlabel") ?? false }

        /// A sentence for each claim that the data contradict.
        func differences(from table: SequenceTable, first: Int) -> [String] {
            let lengths = (first..<table.count).map { table.length(of: $0) }
            let (least, most) = (lengths.min() ?? 0, lengths.max() ?? 0)
            var found: [(claim: String, data: String)] = []
            func compare(_ key: String, _ shownKey: String, _ data: String, _ isEqual: (String) -> Bool) {
                if let value = values[key], !isEqual(value) { found.append(("\(shownKey) \(value)", data)) }
            }
            let channels = counted(table.channels, "channel")
            for key in ["@dimensions", "@dimension"] {
                compare(key, key, channels) { Int($0) == table.channels }
            }
            compare("@univariate", "@univariate", channels) { ($0.lowercased() == "true") == (table.channels == 1) }
            compare("@equallength", "@equalLength", "\(least) to \(most) time steps") {
                $0.lowercased() != "true" || least == most
            }
            compare("@serieslength", "@seriesLength", "\(least) to \(most) time steps") {
                Int($0).map { least == most && $0 == most } ?? false
            }
            let read = table.values[table.steps(of: first).lowerBound * table.channels..<table.values.count]
            compare("@missing", "@missing", "missing values") {
                $0.lowercased() == "true" || !read.contains { $0.isNaN }
            }
            return found.map { "\(shownPath(path)): the header says \(shown($0.claim)), the data have \($0.data)" }
        }
    }

    /// The lines after `@data`.
    private struct Data {
        let path: String
        let hasLabels: Bool
        /// The file's first sequence in the table.
        let first: Int

        func append(_ line: TextLines.Field, to table: inout SequenceTable) throws(TableError) {
            var parts = line.split(at: ":")
            let label = try hasLabels ? label(parts.removeLast()) : nil
            guard !parts.isEmpty else {
                throw TableError(
                    path: path, line: line.line, found: "a label alone",
                    accepted: "channels, then a colon and the label")
            }
            let channels = try parts.map { part throws(TableError) in
                try part.split(at: ",").map { field throws(TableError) in try field.value(path: path) }
            }
            for (number, channel) in channels.enumerated() where channel.count != channels[0].count {
                throw TableError(
                    path: path, line: line.line, column: parts[number].column,
                    found: "\(counted(channel.count, "value")) in channel \(number + 1)",
                    accepted: "\(channels[0].count), as in channel 1")
            }
            var values: [Float] = []
            values.reserveCapacity(channels.count * channels[0].count)
            for step in channels[0].indices { for channel in channels { values.append(channel[step]) } }
            try table.append(
                values: values, channels: channels.count, SequenceTable.Labels(ofSequence: label),
                at: SequenceTable.Place(path: path, line: line.line))
        }

        private func label(_ field: TextLines.Field) throws(TableError) -> String {
            let field = field.trimmed
            guard !field.isEmpty, let label = field.text else {
                throw TableError(
                    path: path, line: field.line, column: field.column,
                    found: field.isEmpty ? "no label" : "a label that is not UTF-8: \(field.shownText)",
                    accepted: "a label after the last colon, as @classLabel true says")
            }
            return label
        }
    }
}
