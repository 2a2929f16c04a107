import KPI
import Model

/// How a graph is written.
enum GraphFormat: String, CaseIterable {
    /// Graphviz's language.
    case dot
    /// What Markdown pages draw.
    case mermaid
    /// `{"nodes": [...], "edges": [...]}`.
    case json
}

extension DefinitionGraph {
    /// The graph as text.
    func text(_ format: GraphFormat) -> String {
        switch format {
        case .dot: dot
        case .mermaid: mermaid
        case .json: json
        }
    }

    private var dot: String {
        let shapes: [Kind: String] = [
            .source: "cylinder", .metric: "box", .kpi: "ellipse", .funnel: "invtrapezium", .record: "note",
            .alert: "octagon",
        ]
        var lines = ["digraph kpis {", "  rankdir=LR;"]
        for (place, node) in nodes.enumerated() {
            let style = node.isMissing ? ", style=dashed" : ""
            let label = DefinitionGraph.dotQuoted("\(node.kind.rawValue)\n\(node.name)")
            lines.append("  n\(place) [shape=\(shapes[node.kind] ?? "box"), label=\(label)\(style)];")
        }
        lines += edges.map { "  n\($0.from) -> n\($0.to);" }
        return (lines + ["}"]).joined(separator: "\n") + "\n"
    }

    private var mermaid: String {
        let brackets: [Kind: (String, String)] = [
            .source: ("[(", ")]"), .metric: ("[", "]"), .kpi: ("([", "])"), .funnel: ("[\\", "/]"),
            .record: ("[[", "]]"), .alert: ("{{", "}}"),
        ]
        var lines = ["flowchart LR"]
        for (place, node) in nodes.enumerated() {
            let (open, close) = brackets[node.kind] ?? ("[", "]")
            lines.append("  n\(place)\(open)\"\(DefinitionGraph.mermaidEscaped(node.name))\"\(close)")
            if node.isMissing { lines.append("  style n\(place) stroke-dasharray: 4") }
        }
        lines += edges.map { "  n\($0.from) --> n\($0.to)" }
        return lines.joined(separator: "\n") + "\n"
    }

    private var json: String {
        let items = nodes.enumerated().map { place, node in
            var fields: [(key: String, value: JSONValue)] = [
                ("id", .string("n\(place)")), ("kind", .string(node.kind.rawValue)),
                ("name", .string(node.name)),
            ]
            if let file = node.file { fields.append(("file", .string(file))) }
            if let line = node.line { fields.append(("line", .number(Double(line)))) }
            if node.isMissing { fields.append(("missing", .bool(true))) }
            return JSONValue.object(fields)
        }
        let arrows = edges.map { edge in
            JSONValue.object([("from", .string("n\(edge.from)")), ("to", .string("n\(edge.to)"))])
        }
        return JSONValue.object([("nodes", .array(items)), ("edges", .array(arrows))]).text
    }

    /// A text in quotes as Graphviz reads it: only quotes and backslashes mean something.
    private static func dotQuoted(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"" + escaped.replacing("\n", with: "\\n") + "\""
    }

    /// A text inside of quotes as Mermaid reads it: special characters by their numbers.
    private static func mermaidEscaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            let isPlain = scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            if isPlain || " _:.,=()+-*/{}[]~!'".unicodeScalars.contains(scalar) {
                out.unicodeScalars.append(scalar)
            } else {
                out += "#\(scalar.value);"
            }
        }
        return out
    }
}
