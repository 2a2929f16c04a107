import ArgumentParser
import Catalog
import Foundation
import Glibc
import KPI
import Model

/// `sextant export --sqlite FILE`: the values of metrics by hour and day as tables of a SQLite file.
struct SQLiteExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sqlite",
        abstract: "Write the values of metrics by hour and by day to a SQLite file.",
        discussion: """
            The file has the tables Metric(id, name), HourlyValue(metric, date, hour, value) and \
            DailyValue(metric, date, value), with a row for each hour and day that has ended and has a \
            value. Hours are of UTC; days are of --timezone, or of the calendar of the metric's file. An \
            older file is replaced as a whole.

            Examples:
              sextant export --sqlite values.sqlite
              sextant export --sqlite values.sqlite --start 2026-01-01 orders revenue
            """
    )

    /// The most buckets that are asked at once.
    private static let bucketCount = 5000

    @Argument(help: ArgumentHelp("Metrics; all if none is named.", valueName: "metric"))
    var metrics: [String] = []

    @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
    var sqlite: String

    @Option(
        help: ArgumentHelp("The first date, of UTC. (default: that of the first data)", valueName: "date")
    )
    var start: String?

    @Option(
        help: ArgumentHelp(
            "The time zone of days. (default: that of each metric's calendar)",
            valueName: "zone"
        )
    )
    var timezone: String?

    @Option(help: "The address of the daemon.")
    var url = DaemonClient.defaultURL

    private struct Response: Decodable {
        struct Metric: Decodable {
            var name: String
            var values: [Double?]
            var oldestTimestamp: Double?
        }
        var startTimestamps: [Double]
        var endTimestamps: [Double]
        var metrics: [Metric]
        var timezone: String?
    }

    func run() async throws {
        let client = try DaemonClient(url: url)
        let first = try start.map { text in
            guard let date = CivilDate(text) else {
                throw Misuse(description: "--start \(text) is no date such as 2026-01-31")
            }
            return Int64(date.dayNumber) * 86_400
        }
        var tables = try ValueTables(path: sqlite)
        do {
            for metric in try await known(client) {
                // A metric without values is one, too.
                try tables.add(metric.name, [])
                guard let start = first.map(Double.init) ?? metric.oldestTimestamp else { continue }
                try await add(metric.name, "day", start, client, to: &tables)
                try await add(metric.name, "hour", start, client, to: &tables)
            }
            try tables.finish()
        } catch {
            tables.discard()
            throw error
        }
        let (metricCount, hourCount, dayCount) = tables.counts
        let text = "\(sqlite): \(metricCount) metrics, \(hourCount) hourly and \(dayCount) daily values\n"
        StandardStream.write(Array(text.utf8), to: STDOUT_FILENO)
    }

    /// The metrics asked for, as the daemon calls them, with the times of their first data.
    private func known(_ client: DaemonClient) async throws -> [Response.Metric] {
        let fields = metrics.map { ("names", $0) } + [("start_timestamp", "0"), ("end_timestamp", "0")]
        let response: Response = try await client.analytics(
            "GET",
            "/analytics/metrics/values/",
            fields + [("extended", "1")]
        )
        return response.metrics
    }

    private func add(
        _ name: String,
        _ period: String,
        _ first: Double,
        _ client: DaemonClient,
        to tables: inout ValueTables
    ) async throws {
        let now = Date().timeIntervalSince1970
        let step = (period == "hour" ? 3600.0 : 86_400) * Double(SQLiteExportCommand.bucketCount)
        var start = first
        while start < now {
            let end = min(now, start + step)
            var fields = [
                ("names", name), ("period", period), ("extended", "1"), ("start_timestamp", "\(start)"),
                ("end_timestamp", "\(end)"),
            ]
            if period == "hour" {
                fields.append(("timezone", "UTC"))
            } else if let timezone {
                fields.append(("timezone", timezone))
            }
            let response: Response = try await client.analytics("GET", "/analytics/metrics/values/", fields)
            guard let next = response.endTimestamps.last, next > start else { return }
            let zone = try zone(of: response)
            let values = response.metrics.first?.values ?? []
            var rows: [ValueTables.Row] = []
            for (index, value) in values.enumerated() where response.endTimestamps[index] <= now {
                guard let value else { continue }
                let day = zone.day(containing: Int64(response.startTimestamps[index].rounded(.down)))
                let hour = period == "hour" ? Int(response.startTimestamps[index] / 3600) % 24 : nil
                rows.append(ValueTables.Row(date: "\(day.date)", hour: hour, value: value))
            }
            try tables.add(name, rows)
            start = next
        }
    }

    private func zone(of response: Response) throws -> TimeZoneRules {
        guard let name = response.timezone, let zone = TimeZones.system.zone(named: name) else {
            throw Misuse(description: "time zone \(response.timezone ?? "") is not known here")
        }
        return zone
    }
}
