// swift-tools-version: 6.2
import PackageDescription

// Outside of the C shims, ChunkCodec and Intake every unsafe expression is marked as such.
let strict: [SwiftSetting] = [.strictMemorySafety()]

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

let package = Package(
    name: "sextant",
    products: [.executable(name: "sextant", targets: ["sextant"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // From the bottom up: a target may use those above it in this list, never those below.
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CRE2", linkerSettings: [.linkedLibrary("re2")]),
        .target(name: "CSextant"),
        .target(name: "Model", swiftSettings: strict),
        .target(name: "Telemetry", dependencies: ["Model"], swiftSettings: strict),
        .target(name: "StrictYAML", dependencies: ["Model", yams], swiftSettings: strict),
        .target(name: "Matching", dependencies: ["Model", "CRE2"], swiftSettings: strict),
        .target(name: "ChunkCodec", dependencies: ["CLZ4", "CSextant"]),
        .target(name: "Catalog", dependencies: ["Model", "ChunkCodec", grdb], swiftSettings: strict),
        .target(
            name: "Storage",
            dependencies: ["Model", "Telemetry", "Matching", "ChunkCodec", "Catalog", logging],
            swiftSettings: strict
        ),
        .target(name: "Intake", dependencies: ["Model", "CZlib"]),
        .target(
            name: "Push",
            dependencies: ["Model", "Telemetry", "Intake", logging],
            swiftSettings: strict
        ),
        .target(name: "PromQL", dependencies: ["Model", "Matching"], swiftSettings: strict),
        .target(
            name: "KPI",
            dependencies: ["Model", "Telemetry", "StrictYAML", "Matching", "PromQL"],
            swiftSettings: strict
        ),
        .target(
            name: "Rules",
            dependencies: ["Model", "Telemetry", "StrictYAML", "Matching", "PromQL", "KPI", logging, crypto],
            swiftSettings: strict
        ),
        .target(
            name: "Outbound",
            dependencies: [
                "Model", "Telemetry", "StrictYAML", "Matching", "PromQL", "Rules", logging, crypto,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "APIServer",
            dependencies: [
                "CSextant", "Model", "Telemetry", "StrictYAML", "Matching", "Intake", "Push", "PromQL", "KPI",
                "Rules", logging,
                lifecycle,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "sextant",
            dependencies: [
                "CSextant", "Model", "Telemetry", "Matching", "Catalog", "Storage", "Outbound",
                "Push", "PromQL", "StrictYAML", "KPI", "Rules", "APIServer", logging, lifecycle, crypto,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),

        .testTarget(name: "ModelTests", dependencies: ["Model"], swiftSettings: strict),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry", "Model"], swiftSettings: strict),
        .testTarget(name: "StrictYAMLTests", dependencies: ["StrictYAML", "Model"], swiftSettings: strict),
        .testTarget(name: "MatchingTests", dependencies: ["Matching", "Model"], swiftSettings: strict),
        .testTarget(name: "ChunkCodecTests", dependencies: ["ChunkCodec"], swiftSettings: strict),
        .testTarget(name: "CatalogTests", dependencies: ["Catalog", "Model", grdb], swiftSettings: strict),
        .testTarget(
            name: "StorageTests",
            dependencies: ["Storage", "Catalog", "ChunkCodec", "Matching", "Model", "Telemetry", logging],
            swiftSettings: strict
        ),
        .testTarget(
            name: "StorageFaultTests",
            dependencies: ["Storage", "ChunkCodec", "Model", "Telemetry", logging],
            swiftSettings: strict
        ),
        .testTarget(name: "IntakeTests", dependencies: ["Intake", "Model"], swiftSettings: strict),
        .testTarget(
            name: "PushTests",
            dependencies: ["Push", "Intake", "Model", "Telemetry", logging],
            swiftSettings: strict
        ),
        .testTarget(
            name: "PromQLTests",
            dependencies: ["PromQL", "Matching", "Model"],
            resources: [.copy("Scripts")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "KPITests",
            dependencies: ["KPI", "PromQL", "StrictYAML", "Matching", "Model", "Telemetry"],
            resources: [.copy("Golden")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "RulesTests",
            dependencies: ["Rules", "StrictYAML", "PromQL", "Matching", "Model", "Telemetry", logging],
            exclude: ["Golden"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "OutboundTests",
            dependencies: [
                "Outbound", "Rules", "StrictYAML", "Model", "Telemetry", logging,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "APIServerTests",
            dependencies: [
                "APIServer", "Intake", "KPI", "Matching", "Model", "PromQL", "Push", "Rules", "Telemetry",
                logging,
                lifecycle,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "SextantTests",
            dependencies: [
                "sextant", "APIServer", "KPI", "Model", "PromQL", "Rules", "Storage", "StrictYAML",
                "Telemetry",
                logging,
            ],
            swiftSettings: strict
        ),
        .testTarget(name: "RepositoryTests", swiftSettings: strict),
        .testTarget(name: "EndToEndTests", dependencies: ["sextant"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
