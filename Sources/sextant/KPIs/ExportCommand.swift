import ArgumentParser
import Foundation
import Glibc

/// `sextant export`: writes what a daemon knows to files.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write values of KPIs and metrics to files.",
        discussion: """
            Examples:
              sextant export kpis --datapackage out/
              sextant export --sqlite values.sqlite
            """,
        subcommands: [KPIExportCommand.self, SQLiteExportCommand.self],
        defaultSubcommand: SQLiteExportCommand.self
    )
}

/// `sextant export kpis`: one table per period, and the descriptor of a data package.
struct KPIExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kpis",
        abstract: "Write KPIs as tables of comma-separated values and a data package.",
        discussion: """
            The directory gets one table per period (weekly_stats.csv), one row for each period that has \
            ended, and a datapackage.json with types and views \
            (https://specs.frictionlessdata.io). Files are replaced as a whole; the same data give the same \
            bytes.

            Examples:
              sextant export kpis --datapackage out/
              sextant export kpis --period week --datapackage out/ aov signup_rate
            """
    )

    @Argument(help: ArgumentHelp("KPIs; all if none is named.", valueName: "kpi"))
    var kpis: [String] = []

    @Option(
        help: ArgumentHelp("The directory to write to; it is made if it is missing.", valueName: "directory")
    )
    var datapackage: String

    @Option(help: ArgumentHelp("The period of the rows. (default: each KPI's own)", valueName: "period"))
    var period: String?

    @Option(help: ArgumentHelp("What the data package is called.", valueName: "name"))
    var name = "kpis"

    @Option(help: "The address of the daemon.")
    var url = DaemonClient.defaultURL

    private struct Response: Decodable {
        struct File: Decodable {
            var path: String
            var content: String
        }
        var files: [File]
    }

    func run() async throws {
        let client = try DaemonClient(url: url)
        var fields = kpis.map { ("kpis", $0) } + [("name", name)]
        if let period { fields.append(("period", period)) }
        let response: Response = try await client.analytics("GET", "/analytics/export/", fields)
        let folder = URL(fileURLWithPath: datapackage)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for file in response.files where !file.path.contains("/") {
            let target = folder.appendingPathComponent(file.path)
            try Data(file.content.utf8).write(to: target, options: .atomic)
            StandardStream.write(Array("\(target.path)\n".utf8), to: STDOUT_FILENO)
        }
    }
}
