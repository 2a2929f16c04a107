import HTTPTypes
import KPI
import Model
import Push
import Telemetry

/// The daemon's own metrics, the latest value of every recorded KPI, and what was pushed.
enum MetricsRoute {
    /// How the names of the recorded series that are shown begin.
    private static let kpiPattern = "kpi:.+"
    /// The shortest time that a KPI counts as current, in milliseconds.
    private static let shortestLookbackMillis: Int64 = 5 * 60_000
    /// How long the KPIs may take to read, in milliseconds.
    private static let timeLimitMillis: Int64 = 5000

    @Sendable static func show(_ exchange: Exchange) async throws(APIError) -> Answer {
        let context = exchange.context
        let wantsUTF8 = acceptsUTF8Names(exchange.header(.accept) ?? "")
        do {
            return try await context.serviceThreads.run { page(context, wantsUTF8: wantsUTF8) }
        } catch {
            throw .busy(error.description)
        }
    }

    private static func page(_ context: APIContext, wantsUTF8: Bool) -> Answer {
        var kpis = ExpositionWriter(escaping: wantsUTF8 ? .allowUTF8 : .underscores)
        var body: [UInt8] = []
        guard case .ready(let backend) = context.phase else {
            context.registry.render(into: &body)
            return Answer(contentType: kpis.contentType, body: .bytes(body))
        }
        var pushed = PushPage(backend.push?.groups ?? [])
        do {
            var shown = pushed
            try writeKPIs(of: backend, now: context.now(), &shown, to: &kpis)
            try writeVirtual(of: backend, now: context.now(), &shown, to: &kpis)
            pushed = shown
        } catch {
            context.telemetry.noteKPIFailure()
            kpis = ExpositionWriter(escaping: kpis.escaping)
        }
        context.registry.render(into: &body) { pushed.moveSamples(of: $0, to: &$1) }
        pushed.write(to: &kpis)
        body += kpis.bytes
        return Answer(contentType: kpis.contentType, body: .bytes(body))
    }

    /// Whether the reader asks for the version of the format that has quoted names.
    private static func acceptsUTF8Names(_ accept: String) -> Bool {
        accept.split(separator: ",").contains { range in
            let parts = range.lowercased().split(separator: ";").map { $0.filter { $0 != " " } }
            return parts.first == "text/plain" && parts.contains("escaping=allow-utf-8")
        }
    }

    /// Writes the current values of all KPIs and funnels, each in its default period.
    private static func writeVirtual(
        of backend: APIBackend,
        now: Timestamp,
        _ pushed: inout PushPage,
        to writer: inout ExpositionWriter
    ) throws(SourceError) {
        guard !backend.kpis.versions.current.isEmpty else { return }
        let budget = QueryBudget(timeLimitMillis: timeLimitMillis)
        try CurrentKPIs(source: backend.source, time: now).write(to: &writer, budget: budget) {
            name,
            writer in
            pushed.moveSamples(of: name, to: &writer)
        }
    }

    private static func writeKPIs(
        of backend: APIBackend,
        now: Timestamp,
        _ pushed: inout PushPage,
        to writer: inout ExpositionWriter
    ) throws(SourceError) {
        let longestInterval = backend.ruleGroups().map(\.intervalMillis).max() ?? 0
        let lookback = max(shortestLookbackMillis, 2 * min(longestInterval, Int64.max / 4))
        // As in a query, a sample that is exactly as old as the lookback no longer counts.
        let range = TimeRange(now.advanced(byMillis: 1 - lookback), now)
        let matcher = Matcher(Labels.metricName, .regex, kpiPattern)
        let budget = QueryBudget(timeLimitMillis: timeLimitMillis)
        let series = try backend.source.select(
            SelectRequest(matchers: [matcher], range: range),
            budget: budget
        )
        var families: [ByteText: [(labels: Labels, value: Double)]] = [:]
        var column = SampleColumn()
        for index in 0..<series.count {
            let labels = series.labels(at: index)
            guard backend.isRecorded(labels) else { continue }
            try series.read(index, into: &column)
            // A native histogram has no line of its own in the text format.
            guard let value = column.values.last, !StaleMarker.matches(value),
                column.histograms[column.count - 1] == nil
            else { continue }
            let name = ByteText(writer.shownName(labels.metricName ?? ""))
            families[name, default: []].append((labels, value))
        }
        for (name, samples) in families.sorted(by: { $0.key < $1.key }) {
            writer.family(
                name.string,
                kind: .gauge,
                help: "The latest value that recording rules gave this series."
            )
            for sample in samples {
                writer.sample(name.string, labels: sample.labels, value: sample.value)
            }
            pushed.moveSamples(of: name.string, to: &writer)
        }
    }
}
