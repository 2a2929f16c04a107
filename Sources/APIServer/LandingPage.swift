import HTTPTypes
import Model
import Rules
import Telemetry

/// The page at `/`: how the daemon does, what the rules record, and where to go on.
///
/// It is made on the server, works without scripts, and loads its style and its icon from the daemon itself.
enum LandingPage {
    /// What the browser may load for it, and nothing else.
    static let policy =
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; "
        + "frame-ancestors 'none'; base-uri 'none'"

    /// What the KPIs are, or why they cannot be shown.
    enum KPIs: Sendable {
        case read(LandingKPIs)
        case failed(String)
    }

    @Sendable static func show(_ exchange: Exchange) async throws(APIError) -> Answer {
        let context = exchange.context
        let page: String
        switch context.phase {
        case .ready(let backend):
            do {
                page = try await context.serviceThreads.run { readyPage(context, backend) }
            } catch {
                throw .busy(error.description)
            }
        case .starting: page = waitingPage(context, isStopping: false)
        case .stopping: page = waitingPage(context, isStopping: true)
        }
        return Answer(
            contentType: "text/html; charset=utf-8",
            headers: [("Content-Security-Policy", policy), ("Cache-Control", "no-store")],
            body: .bytes(Array(page.utf8))
        )
    }

    // MARK: - Pages

    private static func readyPage(_ context: APIContext, _ backend: APIBackend) -> String {
        let now = context.now()
        var kpis: KPIs
        do throws(SourceError) {
            kpis = .read(try LandingKPIs(of: backend, now: now))
        } catch {
            kpis = .failed(APIError(error).message)
        }
        let status = backend.status()
        let uptime = FigureText.span(millis: now.millis - status.startTime.millis)
        let groups = backend.ruleGroups()
        var page = Self.top("<b class=\"good\">Ready</b> for \(uptime)", refreshSeconds: 30)
        page += figures(backend.figures(), durability: durability(context), retention: status.retention)
        if !status.isConfigurationValid {
            page += note(
                "<p><b class=\"bad\">The last reload failed.</b> The rules, retention and configuration from before "
                    + "stay in force; the log tells what is wrong.</p>"
            )
        }
        page += LandingSections.kpis(kpis, hasGroups: !groups.isEmpty, now: now)
        page += LandingSections.groups(groups, now: now)
        return page + bottom(now)
    }

    private static func waitingPage(_ context: APIContext, isStopping: Bool) -> String {
        let now = context.now()
        let span = FigureText.span(millis: now.millis - context.startTime.millis)
        let word = isStopping ? "Stopping" : "Starting"
        var page = Self.top(
            "<b class=\"warn\">\(word)</b>" + (isStopping ? "" : " for \(span)"),
            refreshSeconds: 2
        )
        page += note(
            isStopping
                ? "<p>The daemon ends what still runs and closes its files. "
                    + "New queries and writes are answered with 503.</p>"
                : "<p>The store is being opened: the daemon looks through its segments and replays the "
                    + "write-ahead log.</p><p class=\"soft\">Until that is done, queries and writes are answered "
                    + "with 503; clients such as Prometheus try again. This page looks again every two "
                    + "seconds.</p>"
        )
        return page + bottom(now)
    }

    // MARK: - Parts

    private static func top(_ state: String, refreshSeconds: Int) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="refresh" content="\(refreshSeconds)">
        <title>Sextant</title>
        <link rel="icon" href="\(LandingStyle.iconPath)">
        <link rel="stylesheet" href="\(LandingStyle.styleAddress)">
        </head>
        <body>
        <header>
        <img src="\(LandingStyle.iconPath)" alt="" width="36" height="36">
        <h1>Sextant <small>\(HTMLText.escaped(BuildInfo.version))</small></h1>
        <span class="state">\(state)</span>
        </header>
        <main>

        """
    }

    private static func note(_ content: String) -> String {
        "<div class=\"panel note\">\(content)</div>\n"
    }

    private static func figures(_ figures: StoreFigures, durability: String, retention: String) -> String {
        let rate = figures.samplesPerSecond.map { FigureText.number($0) } ?? "\u{2013}"
        let samples = figures.headSampleCount + figures.segmentSampleCount
        let disk = Double(figures.segmentBytes) + Double(figures.logBytes)
        let cells: [(String, String, String)] = [
            ("Ingest", rate, "samples per second"),
            ("Series", FigureText.count(figures.seriesCount), "active"),
            ("Samples", FigureText.count(samples), "\(FigureText.count(figures.headSampleCount)) in memory"),
            ("On disk", FigureText.bytes(disk), "segments and log"),
            ("Segments", FigureText.bytes(Double(figures.segmentBytes)), segmentText(figures)),
            ("Write-ahead log", FigureText.bytes(Double(figures.logBytes)), "until it is in segments"),
            ("Durability", durability, durabilityText(durability)),
            ("Retention", retention, "by default"),
        ]
        var out = "<dl class=\"panel figures\">\n"
        for (name, value, more) in cells {
            out += "<div><dt>\(name)</dt><dd>\(HTMLText.escaped(value))"
            out += "<small>\(HTMLText.escaped(more))</small></dd></div>\n"
        }
        return out + "</dl>\n"
    }

    private static func segmentText(_ figures: StoreFigures) -> String {
        guard figures.segmentSampleCount > 0 else { return "none yet" }
        let perSample = Double(figures.segmentBytes) / Double(figures.segmentSampleCount)
        let files = figures.segmentCount == 1 ? "1 file" : "\(FigureText.count(figures.segmentCount)) files"
        return "\(files), \(FigureText.number(perSample)) B per sample"
    }

    private static func durability(_ context: APIContext) -> String {
        context.configuration.flags.first { $0.name == "durability" }?.value ?? "\u{2013}"
    }

    private static func durabilityText(_ mode: String) -> String {
        switch mode {
        case "fsync": "synced before the answer"
        case "interval": "synced once a second"
        case "os": "synced when the system likes"
        default: ""
        }
    }

    private static func bottom(_ now: Timestamp) -> String {
        var out = "<h2>Go on</h2>\n<ul class=\"panel links\">\n"
        for (address, name, text) in links {
            out += "<li><a href=\"\(address)\"><code>\(name)</code></a> <span>\(text)</span></li>\n"
        }
        let time = TimeText.format(now.floored(toMillis: 1000))
        out += """
            </ul>
            </main>
            <footer>As of <time datetime="\(time)">\(shownTime(time))</time>. Point Grafana's Prometheus data
            source at this address. The pages <code>docs/http-api.md</code> and
            <code>docs/operations.md</code> of the source tell the rest.</footer>
            </body>
            </html>

            """
        return out
    }

    /// RFC 3339 as people read it: `2026-11-21 08:35:52 UTC`.
    private static func shownTime(_ text: String) -> String {
        text.map { $0 == "T" ? " " : $0 == "Z" ? " UTC" : String($0) }.joined()
    }

    private static let links = [
        ("/metrics", "/metrics", "the daemon's metrics, the latest KPIs"),
        ("/api/v1/query?query=1%2B1", "/api/v1/query", "PromQL at one time"),
        ("/api/v1/label/__name__/values", "/api/v1/label/__name__/values", "all metric names"),
        ("/api/v1/rules", "/api/v1/rules", "rules and how they do"),
        ("/api/v1/status/runtimeinfo", "/api/v1/status/runtimeinfo", "how it runs"),
        ("/-/ready", "/-/ready", "for load balancers"),
    ]
}
