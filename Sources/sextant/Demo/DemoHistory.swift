import Model

/// Writes the past of the shop's counters into a daemon.
struct DemoHistory {
    /// About how many samples go with a request; the daemon stores as many at once.
    private static let requestSamples = 40_000
    /// The end of the history goes with one request, so that no rule sees half of it.
    private static let lastPartMillis: Int64 = 90 * 60_000
    private static let dayMillis: Int64 = 86_400_000
    /// Counters of other countries are not the demo's.
    private static let ownCountries =
        "country=~\"\(Shop.countries.map(\.code).joined(separator: "|"))\""
    private static let selector =
        "{__name__=~\"shop_(\(Shop.counters.joined(separator: "|")))_total\",\(ownCountries)}"

    let client: DaemonClient
    let seed: UInt64
    /// How far back the history goes if the daemon has none, in days.
    let days: Int64
    /// The time between two samples in milliseconds.
    let stepMillis: Int64

    /// What there is to do.
    struct Plan {
        /// The business.
        var shop: Shop
        /// The counters from which to go on.
        var counters: ShopCounters
        /// Whether the daemon knows the shop already.
        var isContinued: Bool
    }

    /// Asks the daemon what it knows of the shop until `now`.
    func plan(now: Timestamp) async throws(ClientError) -> Plan {
        let first = now.advanced(byMillis: -days * DemoHistory.dayMillis).floored(toMillis: stepMillis)
        let visits = "timestamp(shop_visits_total{\(DemoHistory.ownCountries)})"
        // Samples are at most a step apart, and one of each 5 minutes (the lookback) is seen.
        let known = try await client.query(
            "max(max_over_time(\(visits)[300d:5m]))",
            at: now
        ).result.series.first?.points.last?.value
        guard let known, let millis = Int64(exactly: (known * 1000).rounded()) else {
            return Plan(
                shop: Shop(seed: seed, opening: first),
                counters: ShopCounters(startingAt: first),
                isContinued: false
            )
        }
        let opened = try await client.query("min(min_over_time(\(visits)[300d:5m]))", at: now)
            .result.series.first?.points.last?.value
        let end = min(now, Timestamp(millis: millis).advanced(byMillis: 300_000))
        let last = try await client.query("\(DemoHistory.selector)[10m]", at: end).result.series
        let time = last.compactMap { $0.points.last?.time }.max() ?? Timestamp(millis: millis)
        let opening = opened.flatMap { Int64(exactly: ($0 * 1000).rounded()) } ?? millis
        return Plan(
            shop: Shop(seed: seed, opening: Timestamp(millis: opening)),
            counters: ShopCounters(last, at: time),
            isContinued: true
        )
    }

    /// Writes everything until `now` and returns the counters at the end, and how many samples that were.
    ///
    /// `progress` hears the part that is done, 0 to 1, and the number of samples.
    func write(
        _ plan: Plan,
        until now: Timestamp,
        progress: (Double, Int) -> Void
    ) async throws(ClientError) -> (counters: ShopCounters, sampleCount: Int) {
        var counters = plan.counters
        let start = counters.time
        let spanMillis = max(1, now.millis - start.millis)
        var piece = ShopText()
        if !plan.isContinued { piece.add(counters) }
        var sampleCount = 0
        var sending: Task<Result<Void, ClientError>, Never>?
        let last = now.advanced(byMillis: -DemoHistory.lastPartMillis)
        while true {
            let isOver = now.millis - counters.time.millis < stepMillis
            let isCut =
                piece.sampleCount >= DemoHistory.requestSamples && counters.time < last
                || counters.time.floored(toMillis: stepMillis) == last.floored(toMillis: stepMillis)
            if isOver || isCut, piece.sampleCount > 0 {
                // One piece travels while the next one is made.
                try await sending?.value.get()
                progress(Double(counters.time.millis - start.millis) / Double(spanMillis), sampleCount)
                sampleCount += piece.sampleCount
                let (client, text) = (client, piece.text())
                sending = Task {
                    do throws(ClientError) {
                        try await client.importText(text)
                        return .success(())
                    } catch {
                        return .failure(error)
                    }
                }
                piece = ShopText()
            }
            if isOver { break }
            // The first step of a continued history leads back to whole steps.
            let next = counters.time.advanced(byMillis: stepMillis).floored(toMillis: stepMillis)
            counters.advance(plan.shop, millis: next.millis - counters.time.millis)
            piece.add(counters)
        }
        try await sending?.value.get()
        progress(1, sampleCount)
        return (counters, sampleCount)
    }
}
