// swift-tools-version: 6.2
import PackageDescription

// The engine's own folders, through the link `Engine`: what targets share among each other (`package`) ends at the
// border of a package, so that the engine as a dependency would show its benchmarks nothing.
func engine(_ name: String, _ dependencies: [Target.Dependency], isStrict: Bool = true) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        path: "Engine/\(name)",
        swiftSettings: isStrict ? [.strictMemorySafety()] : []
    )
}

let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CLZ4", path: "Engine/CLZ4", pkgConfig: "liblz4"),
        .target(name: "CRE2", path: "Engine/CRE2", linkerSettings: [.linkedLibrary("re2")]),
        engine("CSextant", [], isStrict: false),
        engine("Model", []),
        engine("Telemetry", ["Model"]),
        engine("StrictYAML", ["Model", .product(name: "Yams", package: "Yams")]),
        engine("Matching", ["Model", "CRE2"]),
        engine("ChunkCodec", ["CLZ4", "CSextant"], isStrict: false),
        engine("Catalog", ["Model", "ChunkCodec", .product(name: "GRDB", package: "GRDB.swift")]),
        engine(
            "Storage",
            [
                "Model", "Telemetry", "Matching", "ChunkCodec", "Catalog",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        engine("PromQL", ["Model", "Matching"]),
        engine("KPI", ["Model", "Telemetry", "StrictYAML", "Matching", "PromQL"]),
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                "Model", "Telemetry", "ChunkCodec", "Storage", "PromQL", "KPI",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: [.strictMemorySafety()]
        ),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
