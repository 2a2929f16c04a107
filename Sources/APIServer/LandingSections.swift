import Model
import Rules

/// The lists of the page at `/`: KPIs and rule groups.
enum LandingSections {
    /// The most rule groups that are shown.
    private static let groupLimit = 50

    // MARK: - KPIs

    static func kpis(_ kpis: LandingPage.KPIs, hasGroups: Bool, now: Timestamp) -> String {
        switch kpis {
        case .failed(let reason):
            return heading("KPIs", "")
                + "<div class=\"panel note\"><p><b class=\"bad\">The KPIs cannot be read:</b> "
                + "\(HTMLText.escaped(reason))</p></div>\n"
        case .read(let kpis) where kpis.items.isEmpty:
            let text =
                hasGroups
                ? "No rule has recorded a series with a name that begins with <code>kpi:</code> yet. Rules run "
                    + "at their interval, and only where there is something to compute from."
                : "There are no rules. Give the daemon some with <code>--rules</code>: every series that they "
                    + "record under a name that begins with <code>kpi:</code> appears here."
            return heading("KPIs", "") + "<div class=\"panel note\"><p class=\"soft\">\(text)</p></div>\n"
        case .read(let kpis):
            let hours = kpis.spanHours(at: now)
            let span = hours == 1 ? "last hour" : "last \(hours) hours"
            let range = TimeRange(now.advanced(byMillis: -hours * 3_600_000), now)
            var out = heading("KPIs", span) + "<div class=\"panel\">\n<ul class=\"rows\">\n"
            var previous: ByteText?
            for item in kpis.items {
                let name = item.labels.metricName ?? ""
                out += row(
                    item,
                    name: previous == ByteText(name) ? nil : name,
                    course: item.course.svg(
                        over: range,
                        gapMillis: kpis.gapMillis,
                        label: "\(name), \(span)"
                    ),
                    now: now
                )
                previous = ByteText(name)
            }
            out += "</ul>\n"
            if kpis.hiddenCount > 0 {
                out += "<p class=\"rest\">and \(FigureText.count(kpis.hiddenCount)) more on "
                out += "<a href=\"/metrics\">/metrics</a></p>\n"
            }
            return out + "</div>\n"
        }
    }

    /// A series; without `name` it is a further one of the metric above.
    private static func row(_ item: LandingKPIs.Item, name: String?, course: String, now: Timestamp) -> String
    {
        let address = "/api/v1/query?query=" + HTMLText.parameter(item.labels.description)
        let metric = item.labels.metricName ?? ""
        let value = FigureText.kpi(item.value, name: metric)
        var labels = ""
        for label in item.labels where !label.name.utf8.elementsEqual(Labels.metricName.utf8) {
            labels += "<bdi>\(HTMLText.escaped(label.name))=\(HTMLText.escaped(label.value))</bdi>"
        }
        var out = "<li class=\"row\(name == nil ? " more" : "")\"><div class=\"name\">"
        if let name { out += "<a href=\"\(address)\"><bdi>\(HTMLText.escaped(shown(name)))</bdi></a>" }
        if !labels.isEmpty {
            let inner = name == nil ? "<a href=\"\(address)\">\(labels)</a>" : labels
            out += "<div class=\"labels\">\(inner)</div>"
        }
        out += "</div><div class=\"course\">\(course)</div>"
        out += "<div class=\"value\" title=\"\(ValueText.format(item.value))\">\(value.number)"
        // Also without a unit, so that the numbers stand below each other.
        out +=
            "<span class=\"unit\">\(value.unit)</span></div><div class=\"age\">\(age(item.millis, now))</div></li>\n"
        return out
    }

    /// The name without the prefix that all of them have.
    private static func shown(_ name: String) -> String {
        name.hasPrefix("kpi:") ? String(name.dropFirst(4)) : name
    }

    // MARK: - Rule groups

    static func groups(_ groups: [RuleGroupStatus], now: Timestamp) -> String {
        guard !groups.isEmpty else { return "" }
        var out = heading("Rules", "")
        out += "<div class=\"panel scroll\"><table>\n<thead><tr><th>Group</th><th>Health</th>"
        out += "<th class=\"n\">Rules</th><th class=\"n wide\">Every</th><th class=\"n wide\">Took</th>"
        out += "<th class=\"n\">Last run</th></tr></thead>\n<tbody>\n"
        for group in groups.prefix(groupLimit) {
            let took = group.lastEvaluation == nil ? "\u{2013}" : duration(group.evaluationSeconds)
            out += "<tr><td>\(HTMLText.escaped(group.name))</td><td>\(health(group))</td>"
            out += "<td class=\"n\">\(group.rules.count)</td>"
            out += "<td class=\"n wide\">\(DurationText.format(millis: group.intervalMillis))</td>"
            out += "<td class=\"n wide\">\(took)</td>"
            out +=
                "<td class=\"n\">\(group.lastEvaluation.map { age($0.millis, now) } ?? "never")</td></tr>\n"
        }
        out += "</tbody>\n</table>\n"
        if groups.count > groupLimit {
            out += "<p class=\"rest\">and \(groups.count - groupLimit) more on "
            out += "<a href=\"/api/v1/rules\">/api/v1/rules</a></p>\n"
        }
        return out + "</div>\n"
    }

    private static func health(_ group: RuleGroupStatus) -> String {
        let failing = group.rules.filter { $0.health == .err }
        if let first = failing.first {
            let reason = first.lastError.map { ": \($0)" } ?? ""
            return "<span class=\"bad\">\(failing.count) failing</span> <span class=\"soft\">"
                + "\(HTMLText.escaped(first.name + reason))</span>"
        }
        if group.lastEvaluation == nil { return "<span class=\"soft\">not run yet</span>" }
        return "<span class=\"good\">ok</span>"
    }

    private static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0 else { return "\u{2013}" }
        if seconds < 0.001 { return "&lt; 1 ms" }
        return seconds < 1
            ? FigureText.number((seconds * 1000).rounded()) + " ms" : FigureText.number(seconds) + " s"
    }

    // MARK: - Both

    private static func heading(_ title: String, _ more: String) -> String {
        "<h2>\(title)\(more.isEmpty ? "" : " <small>\(more)</small>")</h2>\n"
    }

    private static func age(_ millis: Int64, _ now: Timestamp) -> String {
        let (passed, overflow) = now.millis.subtractingReportingOverflow(millis)
        return overflow || passed < 1000 ? "now" : "\(FigureText.span(millis: passed)) ago"
    }
}
