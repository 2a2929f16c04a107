import ArgumentParser
import Foundation
import Glibc
import Model
import Rules
import StrictYAML

/// `sextant kpi`: what concerns definitions and their history.
struct KPICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kpi",
        abstract: "Compare KPI definitions.",
        subcommands: [KPIDiffCommand.self]
    )
}

/// `sextant kpi diff`: what history other definitions change, and by how much.
struct KPIDiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Tell which history changes between two sets of KPI definitions, and by how much.",
        discussion: """
            OLD and NEW are KPI files, directories or patterns. The values are computed by a running daemon \
            from its samples, over all of them, in the default period of each KPI. The exit code is 0 if \
            nothing changes, 1 if something does, 2 if it cannot be told.

            Example:
              sextant kpi diff /etc/sextant/rules rules/
            """
    )

    @Argument(help: ArgumentHelp("The definitions to start from.", valueName: "old"))
    var old: String

    @Argument(help: ArgumentHelp("The definitions to compare with.", valueName: "new"))
    var new: String

    @Option(help: "The address of the daemon.")
    var url = DaemonClient.defaultURL

    private struct Response: Decodable {
        var differences: [Difference]
    }

    private struct Difference: Decodable {
        var kpi: String
        var change: String
        var period: String?
        var buckets: Int?
        var changedBuckets: Int?
        var largestRelativeChange: Double?
        var oldAggregate: Double?
        var newAggregate: Double?
        var startTimestamps: [Double]?
    }

    func run() async throws {
        let client = try DaemonClient(url: url)
        var fields: [(String, String)] = []
        do {
            for (name, path) in [("old", old), ("new", new)] {
                let files = try RuleFiles.files(at: path).filter { KPIFiles.isOne($0) }
                guard !files.isEmpty else { throw Misuse(description: "\(path): there is no KPI file") }
                for file in files { fields.append((name, try TextFile.read(file))) }
            }
        } catch let error as YAMLFileError {
            throw Misuse(description: "\(error)")
        }
        let response: Response
        do throws(ClientError) {
            response = try await client.analytics("POST", "/analytics/kpis/diff/", fields)
        } catch {
            throw Misuse(description: error.message)
        }
        var isChanged = false
        for difference in response.differences {
            isChanged = isChanged || difference.change != "same"
            StandardStream.write(Array((line(difference) + "\n").utf8), to: STDOUT_FILENO)
        }
        if isChanged { throw ExitCode(1) }
    }

    private func line(_ difference: Difference) -> String {
        guard difference.change == "changed", let period = difference.period else {
            return "\(difference.kpi): \(difference.change)"
        }
        let changed = difference.changedBuckets ?? 0
        var text = "\(difference.kpi): changed, \(changed) of \(difference.buckets ?? 0) buckets by \(period)"
        if let first = difference.startTimestamps?.first, let last = difference.startTimestamps?.last {
            text += " from \(shown(first)) to \(shown(last))"
        }
        if let largest = difference.largestRelativeChange {
            text += ", at most by \(ValueText.format((largest * 10_000).rounded() / 100)) %"
        }
        let (before, after) = (difference.oldAggregate, difference.newAggregate)
        return text + "; in all \(before.map(ValueText.format) ?? "null") -> "
            + "\(after.map(ValueText.format) ?? "null")"
    }

    private func shown(_ seconds: Double) -> String {
        Date(timeIntervalSince1970: seconds).formatted(.iso8601)
    }
}
