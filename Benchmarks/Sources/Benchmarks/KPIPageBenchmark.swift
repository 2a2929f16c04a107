import KPI
import Model
import Synchronization
import Telemetry

/// The KPIs of `/metrics`, as a Prometheus scrapes them while data come in.
enum KPIPageBenchmark: Benchmark {
    static let name = "kpi-page"
    static let summary =
        "the KPIs of /metrics, 500 over 2,000 series, scraped every 15 s while each gets a sample"

    /// How many samples a series has of the last hour.
    private static let scrapeCount = 20

    static func run() async throws -> [Figure] {
        let shop = try await SampleShop()
        let time = Mutex(shop.now)
        let cached = CachedAggregates(RawAggregates(source: shop.store)) { time.withLock { $0 } }
        let definitions = try SampleShop.definitions(kpiCount: 500)
        let service = KPIService(definitions: definitions, source: cached) { time.withLock { $0 } }
        let source = KPISource(shop.store, service)
        // An hour of live data.
        try await shop.append(count: 240, stepMillis: 15_000)
        time.withLock { $0 = shop.now }
        var costs: [Double] = []
        var size = 0
        for _ in 0..<scrapeCount {
            let oldest = shop.now.millis
            try await shop.append(count: 1, stepMillis: 15_000)
            cached.noteWrite(oldest: oldest)
            time.withLock { $0 = shop.now }
            let (seconds, bytes) = try CPUTime.measure { try page(source, at: shop.now) }
            costs.append(seconds * 1000)
            size = bytes
        }
        let later = costs.dropFirst().sorted()
        return [
            Figure(title: "the page", value: Double(size), unit: "bytes"),
            Figure(title: "the first page after a start", value: costs[0], unit: "ms CPU"),
            Figure(title: "a page", value: later[later.count / 2], unit: "ms CPU", bound: 20),
            Figure(title: "the dearest page", value: later[later.count - 1], unit: "ms CPU"),
        ]
    }

    /// Writes the page and returns its size.
    private static func page(_ source: KPISource, at now: Timestamp) throws -> Int {
        var writer = ExpositionWriter(escaping: .underscores)
        try CurrentKPIs(source: source, time: now).write(to: &writer, budget: .unlimited())
        return writer.bytes.count
    }
}
