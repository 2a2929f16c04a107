import ArgumentParser
import Glibc
import Model
import UnixSignals

/// `sextant demo`: plays the example shop into a running daemon.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Play the example shop into a running daemon.",
        discussion: """
            Writes the past of the shop's counters (rules/README.md tells of them) and of what the daemon's \
            rules make of them, then goes on live until Ctrl-C. Started again it goes on where it ended. \
            The shop's customers are made up; do not point it at a daemon that counts a real shop.

            Examples:
              sextant demo
              sextant demo --days 7 --no-live
              sextant demo --url http://127.0.0.1:9798 --speed 20
            """
    )

    @Option(help: "The address of the daemon.")
    var url = DaemonClient.defaultURL

    @Option(help: "How many days of history to write into a daemon that has none.")
    var days: Int64 = 90

    @Option(help: ArgumentHelp("The time between two samples of the history.", valueName: "duration"))
    var step = "1m"

    @Option(help: ArgumentHelp("The time between two samples of the live shop.", valueName: "duration"))
    var interval = "5s"

    @Option(help: "How many times as busy as usual the live shop is.")
    var speed = 1.0

    @Option(help: "Another number is another shop of the same kind.")
    var seed: UInt64 = 1

    @Flag(inversion: .prefixedNo, help: "Go on live after the history.")
    var live = true

    func run() async throws {
        let client = try DaemonClient(url: url)
        let stepMillis = try millis(step, "--step", in: 15_000...300_000)
        let intervalMillis = try millis(interval, "--interval", in: 1000...300_000)
        guard (1...250).contains(days) else {
            throw Misuse(description: "--days \(days) is not between 1 and 250")
        }
        guard speed > 0, speed <= 1000 else {
            throw Misuse(description: "--speed \(speed) is not above 0 and up to 1000")
        }
        let start = ContinuousClock.now
        let (shop, counters) = try await writePast(client, stepMillis)
        tell("the past took \(((ContinuousClock.now - start) / .seconds(1) * 10).rounded() / 10) s")
        if live { try await play(client, shop, counters, intervalMillis) }
    }

    // MARK: - The past

    private func writePast(_ client: DaemonClient, _ stepMillis: Int64) async throws -> (Shop, ShopCounters) {
        let terminal = Terminal.of(STDERR_FILENO)
        let history = DemoHistory(client: client, seed: seed, days: days, stepMillis: stepMillis)
        let now = SystemTime.now
        let plan = try await history.plan(now: now)
        if plan.isContinued {
            let time = LocalTime.format(plan.counters.time, "%Y-%m-%d %H:%M:%S")
            tell("the daemon knows the shop; going on from \(time)")
        }
        var line = ProgressLine("history", on: terminal)
        let counters = try await history.write(plan, until: now) { line.show(fraction: $0, sampleCount: $1) }
            .counters

        let past = RecordedPast(client: client)
        let rules = try await past.rules()
        guard !rules.isEmpty else {
            tell("the daemon has no rules about the shop: start it with --rules rules to see KPIs")
            return (plan.shop, counters)
        }
        let dayMillis: Int64 = 86_400_000
        let end = counters.time
        let first = end.advanced(byMillis: -days * dayMillis)
        line = ProgressLine("KPIs", on: terminal)
        _ = try await past.write(rules, from: first, to: end) { line.show(fraction: $0, sampleCount: $1) }
        return (plan.shop, counters)
    }

    // MARK: - Live

    /// Counts on in real time until SIGINT or SIGTERM.
    private func play(
        _ client: DaemonClient,
        _ shop: Shop,
        _ counters: ShopCounters,
        _ intervalMillis: Int64
    ) async throws {
        tell("live every \(DurationText.format(millis: intervalMillis)) until Ctrl-C")
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let (speed, isInteractive) = (speed, Terminal.of(STDERR_FILENO).isInteractive)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in signals { return }
            }
            group.addTask {
                try await DemoCommand.count(client, shop, counters, intervalMillis, speed, isInteractive)
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        tell(isInteractive ? "\nstopped" : "stopped")
    }

    private static func count(
        _ client: DaemonClient,
        _ shop: Shop,
        _ start: ShopCounters,
        _ intervalMillis: Int64,
        _ speed: Double,
        _ isInteractive: Bool
    ) async throws {
        var counters = start
        var isReachable = true
        while !Task.isCancelled {
            let next = counters.time.advanced(byMillis: intervalMillis).floored(toMillis: intervalMillis)
            let waitMillis = next.millis - SystemTime.now.millis
            if waitMillis > 0 { try await Task.sleep(for: .milliseconds(waitMillis)) }
            counters.advance(shop, millis: next.millis - counters.time.millis, factor: speed)
            var sample = ShopText()
            sample.add(counters)
            do throws(ClientError) {
                try await client.importText(sample.text())
                if !isReachable { ProgressLine.write("the daemon is back\n") }
                isReachable = true
            } catch {
                // The counters go on, so that nothing is lost but the samples of the time in between.
                if isReachable { ProgressLine.write("sextant: \(error); trying again\n") }
                isReachable = false
            }
            if isInteractive && isReachable {
                let totals = counters.totals.reduce(into: [Int64](repeating: 0, count: 6)) { sum, source in
                    for index in sum.indices { sum[index] += source[index] }
                }
                ProgressLine.write("\r\u{1b}[K\(totals[0]) visits, \(totals[3]) orders")
            }
        }
    }

    private func millis(_ text: String, _ option: String, in range: ClosedRange<Int64>) throws -> Int64 {
        guard let millis = DurationText.parse(text), range.contains(millis) else {
            throw Misuse(
                description: "\(option) \(text) is no duration between "
                    + "\(DurationText.format(millis: range.lowerBound)) and 5m"
            )
        }
        return millis
    }

    private func tell(_ text: String) { ProgressLine.write(text + "\n") }
}
