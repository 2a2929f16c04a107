/// Which target may import what: the house of ARCHITECTURE.md, arrows only downwards.
enum ModuleMap {
    /// For each target the targets of this package that it may import; the executable may import all.
    static let imports: [String: Set<String>] = [
        "sextant": Set(libraries),
        "APIServer": [
            "Push", "Pipelines", "Outbound", "Rules", "KPI", "PromQL", "Intake", "StrictYAML", "Matching",
            "Telemetry",
            "Model", "CSextant",
        ],
        "Push": ["Intake", "Telemetry", "Model"],
        "Pipelines": [
            "Outbound", "Rules", "KPI", "PromQL", "Intake", "Matching", "Telemetry", "Model", "CPQ",
        ],
        "Outbound": [
            "Rules", "KPI", "PromQL", "StrictYAML", "Intake", "ChunkCodec", "Matching", "Telemetry", "Model",
        ],
        "Rules": ["KPI", "PromQL", "StrictYAML", "Matching", "Telemetry", "Model"],
        "KPI": ["PromQL", "StrictYAML", "Matching", "Telemetry", "Model"],
        "PromQL": ["Matching", "Telemetry", "Model"],
        "Intake": ["Telemetry", "Model", "CSextant", "CSnappy", "CZlib"],
        "Storage": ["Catalog", "ChunkCodec", "Matching", "Telemetry", "Model", "CSextant"],
        "Catalog": ["Model", "ChunkCodec"],
        "ChunkCodec": ["Model", "CLZ4", "CSextant"],
        "Matching": ["Model", "CRE2"],
        "StrictYAML": ["Model"],
        "Telemetry": ["Model"],
        "Model": [],
    ]

    private static let libraries = [
        "APIServer", "Push", "Pipelines", "Outbound", "Rules", "KPI", "PromQL", "Intake", "Storage",
        "Catalog",
        "ChunkCodec", "CSextant",
        "Matching", "StrictYAML", "Telemetry", "Model",
    ]

    /// Modules from outside that only some targets may import.
    static let reserved: [(prefix: String, targets: Set<String>)] = [
        (
            "Foundation",
            ["APIServer", "Pipelines", "Outbound", "Rules", "StrictYAML", "KPI", "Catalog", "sextant"]
        ),
        ("Yams", ["StrictYAML"]),
        ("GRDB", ["Catalog"]),
        ("Hummingbird", ["APIServer"]),
        ("AsyncHTTPClient", ["Outbound"]),
        ("ArgumentParser", ["sextant"]),
        ("SwiftProtobuf", []),
    ]

    /// The module that a line imports, or nil.
    static func module(importedBy line: Substring) -> String? {
        var words = line.split(separator: " ").map(String.init)
        let modifiers: Set<String> = ["public", "package", "internal", "fileprivate", "private"]
        while let first = words.first, first.hasPrefix("@") || modifiers.contains(first) {
            words.removeFirst()
        }
        guard words.first == "import" else { return nil }
        words.removeFirst()
        let kinds: Set<String> = [
            "struct", "class", "enum", "protocol", "typealias", "func", "let", "var", "actor",
        ]
        if let first = words.first, kinds.contains(first) { words.removeFirst() }
        return words.first.map { String($0.prefix { $0 != "." }) }
    }
}
