import APIServer
import ArgumentParser
import Glibc
import Model

/// `sextant query`: the value of an expression, as a table or a plot.
struct QueryCommand: AsyncParsableCommand {
    /// How the answer is written.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table, json, csv
    }

    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Ask a running daemon for the value of a PromQL expression.",
        discussion: """
            Without --range the answer is a table of the values at one time; with it a plot over the time up \
            to then. Warnings and errors go to standard error. The exit code is 0 for an answer, also an \
            empty one, 1 if the daemon does not answer or fails, 2 for a wrong expression or option.

            Examples:
              sextant query 'kpi:funnel_step_last_hour'
              sextant query 'sum by (channel) (rate(shop_orders_total[1h]))' --range 7d
              sextant query 'kpi:average_order_value' --range 30d --step 1h --format csv
            """
    )

    @Argument(help: "The expression.")
    var expression: String

    @Option(help: "The address of the daemon.")
    var url = DaemonClient.defaultURL

    @Option(help: ArgumentHelp("The time: RFC 3339 or seconds since 1970. (default: now)", valueName: "time"))
    var time: String?

    @Option(help: ArgumentHelp("How far back to look from that time, such as 1d.", valueName: "duration"))
    var range: String?

    @Option(help: ArgumentHelp("The time between two points, such as 5m.", valueName: "duration"))
    var step: String?

    @Option(help: ArgumentHelp("How to write the answer.", valueName: "table|json|csv"))
    var format = Format.table

    func run() async throws {
        let client = try DaemonClient(url: url)
        let time = try time.map { text in
            guard let time = TimeText.parse(text) else {
                throw Misuse(description: "--time \(text) is no time, such as 2026-11-21T08:00:00Z")
            }
            return time
        }
        let output = Terminal.of(STDOUT_FILENO)
        do throws(ClientError) {
            if let range {
                let rangeMillis = try millis(range, option: "--range")
                let end = time ?? SystemTime.now
                let start = end.advanced(byMillis: -rangeMillis)
                let stepMillis =
                    try step.map { text throws(ClientError) in try millis(text, option: "--step") }
                    ?? QueryCommand.stepMillis(over: rangeMillis, columns: output.columns)
                let response = try await client.queryRange(
                    expression,
                    from: start,
                    to: end,
                    stepMillis: stepMillis
                )
                tell(response)
                write(response) {
                    QueryText.plot(
                        response.result.series,
                        from: start,
                        to: end,
                        stepMillis: stepMillis,
                        on: output
                    )
                }
            } else {
                guard step == nil else {
                    throw ClientError(kind: .badRequest, message: "--step has no meaning without --range")
                }
                let response = try await client.query(expression, at: time)
                tell(response)
                write(response) { QueryText.table(response.result) }
            }
        } catch {
            tell("sextant: ", error.message)
            throw ExitCode(error.kind == .badRequest ? 2 : 1)
        }
    }

    /// The step of a plot `columns` wide: round, and such that a character holds one or two points.
    static func stepMillis(over rangeMillis: Int64, columns: Int) -> Int64 {
        let exact = rangeMillis / Int64(max(40, columns) * 3 / 2)
        let seconds: [Int64] = [
            1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
        ]
        if let round = seconds.first(where: { $0 * 1000 >= exact }) { return round * 1000 }
        let day: Int64 = 86_400_000
        return (exact / day + 1) * day
    }

    private func millis(_ text: String, option: String) throws(ClientError) -> Int64 {
        guard let millis = DurationText.parse(text), millis > 0 else {
            throw ClientError(
                kind: .badRequest,
                message: "\(option) \(text) is no duration, such as 5m or 1d"
            )
        }
        return millis
    }

    private func write(_ response: QueryResponse, table: () -> [String]) {
        let lines =
            switch format {
            case .table: table()
            case .csv: QueryText.csv(response.result)
            case .json: [String(decoding: response.body, as: UTF8.self)]
            }
        if format == .table && lines.isEmpty { tell("", "no series") }
        StandardStream.write(Array(lines.map { $0 + "\n" }.joined().utf8), to: STDOUT_FILENO)
    }

    private func tell(_ response: QueryResponse) {
        for warning in response.warnings { tell("warning: ", warning) }
        for info in response.infos { tell("info: ", info) }
    }

    /// Writes a message to standard error, with the place in the expression that it is about.
    private func tell(_ prefix: String, _ message: String) {
        let lines = ExpressionMark.lines(message, expression: expression)
        let text = (prefix + lines.joined(separator: "\n") + "\n")
        StandardStream.write(Array(text.utf8), to: STDERR_FILENO)
    }
}
