import ArgumentParser
import Foundation
import Glibc
import KPI
import Model
import Rules

/// `sextant import`: takes what other programs have.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Take KPIs from files of other programs.",
        subcommands: [DataPackageImportCommand.self]
    )
}

/// `sextant import datapackage`: a data package with formula views becomes KPI definitions and samples.
struct DataPackageImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "datapackage",
        abstract: "Turn a data package with formula views into KPI definitions and samples.",
        discussion: """
            The columns that the views use become metrics, each row a sample at the first instant of its \
            date; the expressions become KPIs. The definitions are written to a file, the samples go to a \
            running daemon. With --known, columns that have the name or an alias of a metric in those files \
            become samples of its series, so that what was renamed goes on as one; only what is new is \
            defined.

            Examples:
              sextant import datapackage metrics/ --definitions rules/metrics.kpi.yaml
              sextant import datapackage metrics-2017/ --known rules/metrics.kpi.yaml
            """
    )

    @Argument(help: ArgumentHelp("The directory with datapackage.json.", valueName: "directory"))
    var directory: String

    @Option(help: ArgumentHelp("Where the KPI file is written.", valueName: "file"))
    var definitions: String?

    @Option(
        help: ArgumentHelp(
            "KPI files whose metrics, KPIs and aliases there are already.",
            valueName: "file|directory|glob"
        )
    )
    var known: [String] = []

    @Option(help: ArgumentHelp("The time zone of the dates.", valueName: "zone"))
    var timezone = "UTC"

    @Option(
        help: ArgumentHelp("A column that was renamed since the views were written.", valueName: "old=new")
    )
    var rename: [String] = []

    @Option(help: "The address of the daemon.")
    var url = DaemonClient.defaultURL

    @Flag(help: "Write the definitions only, send no samples.")
    var dryRun = false

    func run() async throws {
        let client = try DaemonClient(url: url)
        let knownFiles = try known.flatMap { try RuleFiles.files(at: $0).filter { KPIFiles.isOne($0) } }
        guard definitions != nil || !known.isEmpty else {
            throw Misuse(description: "either --definitions or --known is needed")
        }
        if let path = known.first, knownFiles.isEmpty {
            throw Misuse(description: "--known \(path): there is no KPI file")
        }
        let target = definitions.map { URL(fileURLWithPath: $0).standardizedFileURL }
        if knownFiles.contains(where: { URL(fileURLWithPath: $0).standardizedFileURL == target }) {
            throw Misuse(
                description: "--definitions \(definitions ?? "") is one of the files of --known; "
                    + "it would be replaced by what is new only"
            )
        }
        guard let zone = TimeZones.system.zone(named: timezone) else {
            throw Misuse(description: "--timezone \(timezone) is not a known time zone")
        }
        var aliases: [String: String] = [:]
        for pair in rename {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw Misuse(description: "--rename \(pair) is not old=new") }
            aliases[parts[0]] = parts[1]
        }
        let folder = URL(fileURLWithPath: directory)
        let descriptor = try Data(contentsOf: folder.appendingPathComponent("datapackage.json"))
        let package = try DataPackageImport(
            descriptor: [UInt8](descriptor),
            aliases: aliases,
            known: try KPIFiles.read(knownFiles),
            zone: zone
        ) { path in
            guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
                throw Misuse(description: "the package names a file outside of it: \(path)")
            }
            return try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
        }
        if !package.definitions.isEmpty {
            guard let target else {
                throw Misuse(description: "the package has KPIs that are new; say where with --definitions")
            }
            try Data(package.definitions.utf8).write(to: target, options: .atomic)
        }
        if !dryRun { try await client.importText(Array(package.exposition.utf8)) }
        let count = package.series.reduce(0) { $0 + $1.column.count }
        let written = package.definitions.isEmpty ? "nothing new to define" : definitions ?? ""
        let text =
            "\(written): \(package.series.count) metrics, \(count) samples\(dryRun ? " not sent" : "")\n"
        StandardStream.write(Array(text.utf8), to: STDOUT_FILENO)
    }
}
