import Foundation
import Testing

extension EndToEnd {
    @Suite("The shipped dashboard")
    struct DashboardTests {
        @Test("has an answer with values for every query, its variables included")
        func queries() async throws {
            let dashboard = try Dashboard.shipped()
            let folder = try ScratchFolder("dashboard")
            let shipped = try String(contentsOfFile: "\(Repository.root)/rules/shop.yml", encoding: .utf8)
            try folder.write(
                shipped.replacingOccurrences(of: "interval: 1m\n", with: "interval: 1s\n"),
                to: "rules/shop.yml"
            )
            try await withDaemon(["--rules", "\(folder.path)/rules"], folder: folder) { sextant in
                #expect(try await shop(until: nowMillis()).send(to: sextant.client).status == 204)
                try await eventually("the last rule's result", within: 120) {
                    guard try await sextant.client.query("kpi:funnel_conversion_percent").count == 1 else {
                        throw NotYet("no kpi:funnel_conversion_percent")
                    }
                }
                // What a Prometheus does: scrape the daemon, and write what it said with its labels.
                for agoMillis: Int64 in [150_000, 90_000, 30_000] {
                    try await scrape(sextant, atMillis: nowMillis() - agoMillis)
                }
                for variable in dashboard.labelVariables {
                    let values = try await sextant.client.get(
                        "/api/v1/label/\(variable.label)/values",
                        [("match[]", variable.metric)]
                    )
                    let found = try JSON(parsing: values.body)["data"]?.elements ?? []
                    #expect(!found.isEmpty, "the variable \(variable.name)")
                }
                try #require(dashboard.queries.count >= 25)
                let now = nowMillis()
                for query in dashboard.queries {
                    let expression = Dashboard.substitute(query.expression)
                    let range = try await sextant.client.queryRange(
                        expression,
                        fromMillis: now - 60_000,
                        toMillis: now,
                        stepMillis: 5000
                    )
                    #expect(range.contains { !$0.points.isEmpty }, "\(query.panel): \(expression)")
                    let instant = try await sextant.client.query(expression)
                    #expect(!instant.isEmpty, "\(query.panel): \(expression)")
                }
            }
        }

        @Test("shows the units that its numbers have")
        func units() throws {
            let panels = try Dashboard.shipped().panels.filter { $0["type"]?.string != "row" }
            for panel in panels {
                let title = panel["title"]?.string ?? ""
                let unit = panel["fieldConfig"]?["defaults"]?["unit"]?.string ?? ""
                #expect(!unit.isEmpty, "\(title)")
                for target in panel["targets"]?.elements ?? [] {
                    let expression = target["expr"]?.string ?? ""
                    let expected: String? =
                        if expression.contains("_percent") {
                            "percent"
                        } else if expression.contains("revenue") || expression.contains("order_value") {
                            "currencyEUR"
                        } else if expression.contains("quantile") {
                            "s"
                        } else if expression.contains("_bytes{") {
                            "bytes"
                        } else {
                            nil
                        }
                    if let expected { #expect(unit == expected, "\(title): \(expression)") }
                }
            }
        }

        @Test("is a dashboard that Grafana 11 and 12 take, with panels that do not lie over each other")
        func schema() throws {
            let dashboard = try Dashboard.shipped()
            #expect(dashboard.json["uid"] == .string("sextant-shop"))
            // Given out by Grafana 11.0 (39) to 12.0 (41); older files are migrated when they are loaded.
            #expect((39...41).contains(Int(dashboard.json["schemaVersion"]?.number ?? "") ?? 0))
            #expect(dashboard.json["id"] == nil, "an id would be one of some Grafana's database")
            let ids = dashboard.panels.compactMap { $0["id"]?.number }
            #expect(Set(ids).count == dashboard.panels.count)
            var taken: Set<[Int]> = []
            for panel in dashboard.panels {
                let title = panel["title"]?.string ?? ""
                #expect(!title.isEmpty)
                // "graph", "singlestat" and "table-old" are gone since Grafana 11.
                let type = panel["type"]?.string ?? ""
                #expect(["row", "stat", "timeseries", "bargauge"].contains(type), "\(title)")
                let sides = try ["x", "y", "w", "h"].map { side in
                    try #require(Int(panel["gridPos"]?[side]?.number ?? ""), "\(title)")
                }
                #expect(sides[0] >= 0 && sides[2] > 0 && sides[0] + sides[2] <= 24, "\(title)")
                for x in sides[0]..<sides[0] + sides[2] {
                    for y in sides[1]..<sides[1] + sides[3] {
                        #expect(taken.insert([x, y]).inserted, "\(title) lies over another panel")
                    }
                }
                guard type != "row" else { continue }
                let targets = panel["targets"]?.elements ?? []
                #expect(
                    !targets.isEmpty && Set(targets.map { $0["refId"] }).count == targets.count,
                    "\(title)"
                )
                for part in [panel] + targets {
                    #expect(part["datasource"]?["uid"] == .string("${datasource}"), "\(title)")
                    #expect(part["datasource"]?["type"] == .string("prometheus"), "\(title)")
                }
            }
        }

        @Test("is where the provisioning of Grafana and the compose file say it is")
        func provisioning() throws {
            func text(_ path: String) throws -> String {
                try String(contentsOfFile: "\(Repository.root)/deploy/\(path)", encoding: .utf8)
            }
            let compose = try text("docker/compose.yaml")
            let providers = try text("grafana/provisioning/dashboards/sextant.yaml")
            let sources = try text("grafana/provisioning/datasources/sextant.yaml")
            #expect(compose.contains("../grafana/dashboards:/var/lib/grafana/dashboards:ro"))
            #expect(compose.contains("../grafana/provisioning:/etc/grafana/provisioning:ro"))
            #expect(providers.contains("path: /var/lib/grafana/dashboards\n"))
            #expect(sources.contains("uid: sextant\n") && sources.contains("url: http://sextant:9797\n"))
            let variables = try Dashboard.shipped().json["templating"]?["list"]?.elements ?? []
            let source = variables.first { $0["type"] == .string("datasource") }
            #expect(source?["name"] == .string("datasource"))
            #expect(source?["current"]?["value"] == .string("sextant"))
        }

        /// Writes what `/metrics` says as a Prometheus would have scraped it at a time.
        private func scrape(_ sextant: Daemon, atMillis millis: Int64) async throws {
            let page = try await sextant.client.get("/metrics").text
            let target = "job=\"sextant\",instance=\"127.0.0.1:9797\""
            var lines = ""
            for line in page.split(separator: "\n") where !line.hasPrefix("#") && !line.hasPrefix("kpi:") {
                let space = try #require(line.lastIndex(of: " "))
                let (series, value) = (line[..<space], line[space...])
                let labelled =
                    series.hasSuffix("}") ? "\(series.dropLast()),\(target)}" : "\(series){\(target)}"
                lines += "\(labelled)\(value) \(millis)\n"
            }
            let answer = try await sextant.client.send(
                "POST",
                "/api/v1/import/prometheus",
                body: Array(lines.utf8)
            )
            try #require((200..<300).contains(answer.status), "\(answer.text)")
        }

        /// Two hours of the shop's counters, each minute, and five minutes ahead.
        private func shop(until endMillis: Int64) -> RemoteWrite {
            let perMinute = [
                "visits": 60.0, "signups": 2, "product_views": 40, "checkouts": 8, "orders": 5,
                "revenue": 212.5,
            ]
            var request = RemoteWrite()
            for channel in ["direct", "search", "ads", "mail", "partner"] {
                for (counter, amount) in perMinute {
                    let samples = (0...125).map { minute in
                        RemoteWrite.Sample(
                            millis: endMillis + Int64(minute - 120) * 60_000,
                            value: amount * Double(minute)
                        )
                    }
                    let name = "shop_\(counter)_total"
                    request.add(["__name__": name, "channel": channel, "country": "DE"], samples)
                }
            }
            return request
        }
    }
}

/// A Grafana dashboard as its file says it.
private struct Dashboard {
    let json: JSON

    /// A query of a panel.
    struct Query {
        let panel: String
        let expression: String
    }

    /// A variable that Grafana fills with the values of a label.
    struct LabelVariable {
        let name: String
        let metric: String
        let label: String
    }

    /// The dashboard of this repository.
    static func shipped() throws -> Dashboard {
        let path = "\(Repository.root)/deploy/grafana/dashboards/shop.json"
        return Dashboard(json: try JSON(parsing: Array(Data(contentsOf: URL(fileURLWithPath: path)))))
    }

    /// All panels, the rows among them.
    var panels: [JSON] {
        (json["panels"]?.elements ?? []).flatMap { [$0] + ($0["panels"]?.elements ?? []) }
    }

    /// The queries of all panels.
    var queries: [Query] {
        panels.flatMap { panel in
            (panel["targets"]?.elements ?? []).map { target in
                Query(panel: panel["title"]?.string ?? "", expression: target["expr"]?.string ?? "")
            }
        }
    }

    /// The variables of the form `label_values(metric, label)`.
    var labelVariables: [LabelVariable] {
        let variables = json["templating"]?["list"]?.elements ?? []
        return variables.filter { $0["type"] == .string("query") }.map { variable in
            let text = variable["query"]?["query"]?.string ?? ""
            let parts = text.dropFirst("label_values(".count).dropLast().split(separator: ",")
            return LabelVariable(
                name: variable["name"]?.string ?? "",
                metric: parts.first.map(String.init) ?? "",
                label: parts.last?.trimmingCharacters(in: .whitespaces) ?? ""
            )
        }
    }

    /// A query as Grafana sends it: "All" chosen everywhere, and an hour shown.
    static func substitute(_ expression: String) -> String {
        var text = expression
        for (name, value) in [
            ("$__rate_interval", "4m"), ("$__interval", "1m"), ("$__range", "1h"), ("$channel", ".*"),
            ("$instance", ".*"),
        ] {
            text = text.replacingOccurrences(of: name, with: value)
        }
        return text
    }
}
