import APIServer
import ArgumentParser
import Glibc
import Model
import StrictYAML

/// `sextant rules`: what is done with rules beside evaluating them.
struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "Work on the past of recording rules.",
        subcommands: [RulesBackfillCommand.self]
    )
}

/// `sextant rules backfill`.
struct RulesBackfillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backfill",
        abstract: "Let the daemon compute what recording rules would have recorded.",
        discussion: """
            The rules are evaluated at their slots, in the order of the file, and what was recorded there is \
            replaced. The daemon works in the background and goes on after a restart; this command shows \
            how far it is and may be interrupted. Alerts are never evaluated for the past. A time is \
            RFC 3339, seconds since 1970, or a duration before now.

            Examples:
              sextant rules backfill --from 90d rules/shop.yml
              sextant rules backfill --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z rules/shop.yml
              sextant rules backfill --from 30d --rule kpi:orders_last_hour rules/shop.yml
            """
    )

    @Option(help: ArgumentHelp("The first time.", valueName: "time"))
    var from: String

    @Option(help: ArgumentHelp("The last time. (default: now)", valueName: "time"))
    var to: String?

    @Option(
        help: ArgumentHelp(
            "The name of a rule; without it all of the file. May be given several times.",
            valueName: "name"
        )
    )
    var rule: [String] = []

    @Option(help: "The address of the daemon.")
    var url = DaemonClient.defaultURL

    @Flag(help: "Do not wait until it is done.")
    var noWait = false

    @Argument(help: ArgumentHelp("The rule file.", valueName: "file"))
    var file: String

    func run() async throws {
        let now = SystemTime.now
        let start = try time(from, "--from", now)
        let end = try to.map { try time($0, "--to", now) } ?? now
        guard start <= end else { throw Misuse(description: "--to lies before --from") }
        let client = try DaemonClient(url: url)
        var fields = [
            ("rules", try TextFile.read(file)), ("file", file), ("from", TimeText.format(start)),
            ("to", TimeText.format(end)),
        ]
        for name in rule { fields.append(("rule_name[]", name)) }
        let jobs = try await client.backfill(fields)
        guard !noWait else { return }
        try await wait(for: jobs, client)
    }

    /// Shows how far the daemon is until it is done.
    private func wait(for jobs: [BackfillAnswer], _ client: DaemonClient) async throws {
        let ids = Set(jobs.map(\.id))
        let total = jobs.reduce(0) { $0 + $1.slots * $1.rules.count }
        var line = ProgressLine("past", on: Terminal.of(STDERR_FILENO))
        while true {
            let left = try await client.backfills().filter { ids.contains($0.id) }
            let remaining = left.reduce(0) { $0 + ($1.slots - $1.done) * $1.rules.count }
            let done = total - remaining
            line.show(fraction: Double(done) / Double(max(1, total)), sampleCount: done)
            guard !left.isEmpty else { return }
            try await Task.sleep(for: .milliseconds(250))
        }
    }

    private func time(_ text: String, _ option: String, _ now: Timestamp) throws -> Timestamp {
        if let time = TimeText.parse(text) { return time }
        if let millis = DurationText.parse(text) { return now.advanced(byMillis: -millis) }
        throw Misuse(description: "\(option) \(text) is no time, such as 2026-11-21T08:00:00Z or 90d")
    }
}
