import ArgumentParser
import Foundation
import Glibc
import KPI
import Model

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
            running daemon.

            Example:
              sextant import datapackage metrics/ --definitions rules/metrics.kpi.yaml
            """
    )

    @Argument(help: ArgumentHelp("The directory with datapackage.json.", valueName: "directory"))
    var directory: String

    @Option(help: ArgumentHelp("Where the KPI file is written.", valueName: "file"))
    var definitions: String

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
            zone: zone
        ) { path in
            guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
                throw Misuse(description: "the package names a file outside of it: \(path)")
            }
            return try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
        }
        try Data(package.definitions.utf8).write(to: URL(fileURLWithPath: definitions), options: .atomic)
        if !dryRun { try await client.importText(Array(package.exposition.utf8)) }
        let count = package.series.reduce(0) { $0 + $1.column.count }
        let text =
            "\(definitions): \(package.series.count) metrics, \(count) samples\(dryRun ? " not sent" : "")\n"
        StandardStream.write(Array(text.utf8), to: STDOUT_FILENO)
    }
}
