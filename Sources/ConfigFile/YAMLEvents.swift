// The events of a YAML text, from libyaml, the C library inside the package Yams. Yams itself composes whole documents
// and doesn't expose its events: it reports a duplicate key without lines, and expands aliases before the caller can
// refuse them.
//
// The only file of this module that accesses C memory.

import CYaml

/// A YAML event and the line in which it starts, from 1.
struct YAMLEvent {
    enum Kind {
        case documentStart, documentEnd
        case alias(String)
        case scalar(String, isPlain: Bool)
        case listStart, listEnd
        case sectionStart, sectionEnd
    }

    let kind: Kind
    /// The anchor (`&name`) and the tag (`!!int`) written before a value.
    var anchor: String?
    var tag: String?
    let line: Int
}

/// A text that is not YAML.
struct YAMLSyntaxError: Error {
    /// libyaml's message: "did not find expected ',' or ']'".
    let problem: String
    let line: Int
}

/// The events of a text, up to the end of its last document.
func yamlEvents(of text: String) throws(YAMLSyntaxError) -> [YAMLEvent] {
    // On the heap, because libyaml keeps the parser's address.
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else {
        throw YAMLSyntaxError(problem: "out of memory", line: 1)
    }
    defer { yaml_parser_delete(parser) }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)

    var text = text
    let result = text.withUTF8 { bytes -> Result<[YAMLEvent], YAMLSyntaxError> in
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
        var events: [YAMLEvent] = []
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(parser, &event) == 1 else {
                return .failure(YAMLSyntaxError(parser.pointee, bytes))
            }
            defer { yaml_event_delete(&event) }
            if event.type == YAML_STREAM_END_EVENT { return .success(events) }
            if let event = YAMLEvent(event) { events.append(event) }
        }
    }
    return try result.get()
}

extension YAMLEvent {
    /// nil for events that are not used (the start of the stream).
    fileprivate init?(_ event: yaml_event_t) {
        line = Int(event.start_mark.line) + 1
        switch event.type {
        case YAML_DOCUMENT_START_EVENT: kind = .documentStart
        case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
        case YAML_SEQUENCE_END_EVENT: kind = .listEnd
        case YAML_MAPPING_END_EVENT: kind = .sectionEnd
        case YAML_ALIAS_EVENT:
            kind = .alias(string(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            kind = .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
            anchor = string(scalar.anchor)
            tag = string(scalar.tag)
        case YAML_SEQUENCE_START_EVENT:
            kind = .listStart
            anchor = string(event.data.sequence_start.anchor)
            tag = string(event.data.sequence_start.tag)
        case YAML_MAPPING_START_EVENT:
            kind = .sectionStart
            anchor = string(event.data.mapping_start.anchor)
            tag = string(event.data.mapping_start.tag)
        default:
            return nil
        }
    }
}

extension YAMLSyntaxError {
    fileprivate init(_ parser: yaml_parser_t, _ bytes: UnsafeBufferPointer<UInt8>) {
        guard let problem = parser.problem else {
            self.init(problem: "out of memory", line: 1)
            return
        }
        var message = String(cString: problem)
        func lines(_ bytes: some Sequence<UInt8>) -> Int { bytes.count { $0 == UInt8(ascii: "\n") } }
        if parser.error == YAML_READER_ERROR {
            // libyaml's reader reports a byte offset, not a line.
            self.init(problem: message, line: lines(bytes.prefix(Int(parser.problem_offset))) + 1)
            return
        }
        // libyaml reports something missing at the end of the text in a line after the last.
        let line = min(Int(parser.problem_mark.line), lines(bytes.dropLast())) + 1
        if let context = parser.context {
            message += " " + String(cString: context)
            let start = Int(parser.context_mark.line) + 1
            if start < line { message += " that starts in line \(start)" }
        }
        self.init(problem: message, line: line)
    }
}

private func string(_ characters: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    characters.map { String(decodingCString: $0, as: UTF8.self) }
}
