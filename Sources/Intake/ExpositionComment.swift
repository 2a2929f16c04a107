import Model

/// A comment line that says something about a metric: `# HELP name text`, `# TYPE name type`, `# UNIT name
/// unit`.
struct ExpositionComment {
    /// What it says.
    enum Content {
        case help([UInt8])
        case type(MetricMetadata.Kind)
        case unit([UInt8])
    }

    /// The name of the metric family.
    let name: [UInt8]
    /// What is said about it.
    let content: Content

    /// Reads what follows the `#` from `start` on; nil if it is an ordinary comment.
    init?(_ line: Span<UInt8>, _ start: Int) throws(ExpositionFault) {
        guard start < line.count, ExpositionLine.isBlank(line[start]) else { return nil }
        var position = start
        let keyword = ExpositionComment.bytes(line, ExpositionLine.nextToken(line, &position))
        let isHelp = keyword.elementsEqual("HELP".utf8)
        let isType = keyword.elementsEqual("TYPE".utf8)
        guard isHelp || isType || keyword.elementsEqual("UNIT".utf8) else { return nil }
        ExpositionLine.skipBlanks(line, &position)
        guard position < line.count else { return nil }
        name = try ExpositionComment.name(line, &position)
        if isType {
            let token = ExpositionLine.nextToken(line, &position)
            let word = String(decoding: ExpositionComment.bytes(line, token), as: UTF8.self)
            guard let kind = word == "untyped" ? .unknown : MetricMetadata.Kind(rawValue: word) else {
                throw .badType(token)
            }
            ExpositionLine.skipBlanks(line, &position)
            guard position == line.count else { throw .trailingText(at: position) }
            content = .type(kind)
        } else {
            ExpositionLine.skipBlanks(line, &position)
            let text = ExpositionComment.bytes(line, position..<line.count)
            content = isHelp ? .help(ExpositionComment.unescaped(text)) : .unit(text)
        }
    }

    private static func name(_ line: Span<UInt8>, _ position: inout Int) throws(ExpositionFault) -> [UInt8] {
        let start = position
        if line[start] == UInt8(ascii: "\"") {
            var name: [UInt8] = []
            _ = try ExpositionLine.quoted(line, &position, to: &name)
            return name
        }
        ExpositionLine.skipName(line, &position, allowsColon: true)
        guard position > start, position == line.count || ExpositionLine.isBlank(line[position]) else {
            throw .expected(.metricName, at: start)
        }
        return bytes(line, start..<position)
    }

    private static func bytes(_ line: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        line.extracting(range).withUnsafeBufferPointer { Array($0) }
    }

    /// `text` with `\\` and `\n` undone; other escapes stay.
    private static func unescaped(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(UInt8(ascii: "\\")) else { return text }
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let next = rest.first else {
                out.append(byte)
                continue
            }
            switch next {
            case UInt8(ascii: "\\"): out.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "n"): out.append(UInt8(ascii: "\n"))
            default:
                out.append(byte)
                continue
            }
            rest = rest.dropFirst()
        }
        return out
    }
}
