import ArgumentParser
import Foundation
import Glibc
import Model

/// `sextant delete`: deletes series of a running daemon, or a part of them.
struct DeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete series, or samples of a time, for good.",
        discussion: """
            Counts what would go and asks before it deletes; without a terminal it needs --yes. What is \
            deleted is not seen from the moment the command returns and never comes back; files shrink in \
            the background. What is written later stays. The daemon must run with --enable-admin-api. The \
            exit code is 0 if it was deleted (or counted), 1 if not, 2 for a wrong option.

            Examples:
              sextant delete --match 'up{job="old"}' --dry-run
              sextant delete --match '{instance="db1:9100"}' --end 2026-01-01T00:00:00Z --yes
            """
    )

    @Option(
        help: ArgumentHelp("Series to delete. May be given several times.", valueName: "selector")
    )
    var match: [String] = []

    @Option(help: ArgumentHelp("The first time to delete. (default: the beginning)", valueName: "time"))
    var start: String?

    @Option(help: ArgumentHelp("The last time to delete. (default: the end)", valueName: "time"))
    var end: String?

    @Flag(help: "Only count the series and samples.")
    var dryRun = false

    @Flag(help: "Delete without asking.")
    var yes = false

    @Option(help: "The address of the daemon.")
    var url = DaemonClient.defaultURL

    private struct Count: Decodable {
        var series: Int
        var samples: Int
    }

    func run() async throws {
        guard !match.isEmpty else { throw Misuse(description: "nothing to delete: give --match") }
        let client = try DaemonClient(url: url)
        if yes && !dryRun {
            try await send(client, isDry: false)
            return
        }
        let body = try await send(client, isDry: true)
        let count = try JSONDecoder().decode(APIAnswer<Count>.self, from: Data(body)).data
        let text = "\(count.series) series, \(count.samples) samples"
        if dryRun {
            StandardStream.write(Array("\(text)\n".utf8), to: STDOUT_FILENO)
            return
        }
        guard count.samples > 0 else {
            StandardStream.write(Array("nothing to delete\n".utf8), to: STDERR_FILENO)
            return
        }
        guard Terminal.of(STDERR_FILENO).isInteractive, isatty(STDIN_FILENO) == 1 else {
            throw Misuse(
                description: "\(text) would be deleted; give --yes to do so, or --dry-run to count only"
            )
        }
        StandardStream.write(Array("delete \(text) for good? [y/N] ".utf8), to: STDERR_FILENO)
        guard ["y", "yes"].contains(readLine()?.lowercased() ?? "") else {
            StandardStream.write(Array("nothing was deleted\n".utf8), to: STDERR_FILENO)
            throw ExitCode(1)
        }
        try await send(client, isDry: false)
    }

    @discardableResult
    private func send(_ client: DaemonClient, isDry: Bool) async throws -> [UInt8] {
        var fields: [(name: String, value: String)] = match.map { ("match[]", $0) }
        if let start { fields.append(("start", start)) }
        if let end { fields.append(("end", end)) }
        if isDry { fields.append(("dry_run", "true")) }
        return try await client.admin("delete_series", fields)
    }
}

extension DaemonClient {
    /// Asks the admin API for something; gives the body of the answer.
    func admin(
        _ name: String,
        _ fields: [(name: String, value: String)] = []
    ) async throws -> [UInt8] {
        let answer = try await send(
            "POST",
            "/api/v1/admin/tsdb/\(name)",
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: Array(FormText.encode(fields).utf8),
            timeoutMillis: DaemonClient.adminMillis
        )
        guard answer.isSuccess else {
            let error = ClientError(answer)
            if error.kind == .badRequest { throw Misuse(description: error.message) }
            if error.message == "admin APIs disabled" {
                throw ClientError(
                    kind: .refused,
                    message: "admin APIs disabled: start the daemon with --enable-admin-api"
                )
            }
            throw error
        }
        return answer.body
    }

    /// How long the admin API may take, in milliseconds: a delete may wait for a merge to end.
    private static let adminMillis: Int64 = 3_600_000
}
