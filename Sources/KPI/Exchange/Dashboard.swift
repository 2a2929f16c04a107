import Model

/// A Grafana dashboard for all KPIs and funnels, with the units that they have.
package enum Dashboard {
    /// The dashboard; the KPI that decides comes first.
    package static func json(_ definitions: KPIDefinitions, title: String = "KPIs") -> JSONValue {
        var panels: [JSONValue] = []
        let kpis = definitions.kpis.filter(\.isNorthStar) + definitions.kpis.filter { !$0.isNorthStar }
        for kpi in kpis { panels.append(panel(kpi, number: panels.count)) }
        for funnel in definitions.funnels { panels.append(panel(funnel, number: panels.count)) }
        return .object([
            ("title", .string(title)), ("uid", .string("sextant-kpis")), ("schemaVersion", .number(39)),
            ("tags", .strings(["sextant", "kpi"])), ("timezone", .string("browser")),
            ("time", .object([("from", .string("now-90d")), ("to", .string("now"))])),
            (
                "templating",
                .object([
                    (
                        "list",
                        .array([
                            .object([
                                ("name", .string("datasource")), ("type", .string("datasource")),
                                ("query", .string("prometheus")), ("label", .string("Data source")),
                            ])
                        ])
                    )
                ])
            ),
            ("panels", .array(panels)),
        ])
    }

    /// The name that Grafana has for a unit.
    static func unit(_ unit: String?) -> String {
        switch unit?.lowercased() {
        case "percentage": "percent"
        case "ratio": "percentunit"
        case "usd": "currencyUSD"
        case "eur": "currencyEUR"
        case "gbp": "currencyGBP"
        case "jpy": "currencyJPY"
        case "chf": "currencyCHF"
        case "seconds": "s"
        case "bytes": "bytes"
        case "count", nil: "short"
        case let other?:
            other.count == 3 && other.allSatisfy(\.isLetter)
                ? "currency:\(other.uppercased())" : "suffix: \(other)"
        }
    }

    private static func panel(_ kpi: KPIDefinition, number: Int) -> JSONValue {
        let period = kpi.display.period ?? kpi.defaultPeriod.name
        let selector = "kpi=\(LabelText.quoted(kpi.name)),period=\(LabelText.quoted(period))"
        let notes = [kpi.description].compactMap(\.self) + kpi.caveats.map { "Caveat: \($0)" }
        var targets = [target("kpi{\(selector)}", kpi.displayName ?? kpi.name, reference: 0)]
        if kpi.target != nil {
            targets.append(target("kpi_target{kpi=\(LabelText.quoted(kpi.name))}", "target", reference: 1))
        }
        return panel(
            kpi.displayName ?? kpi.name,
            notes.joined(separator: "\n"),
            unit(kpi.unit),
            targets,
            kpi.display,
            number
        )
    }

    private static func panel(_ funnel: FunnelDefinition, number: Int) -> JSONValue {
        let name = LabelText.quoted(funnel.name)
        return panel(
            "Funnel \(funnel.displayName ?? funnel.name)",
            funnel.description ?? "",
            "percent",
            [
                target(
                    "kpi_funnel_conversion_percent{funnel=\(name),from=\"first\"}",
                    "{{step}}",
                    reference: 0
                )
            ],
            funnel.display,
            number
        )
    }

    private static func target(_ expression: String, _ legend: String, reference: Int) -> JSONValue {
        .object([
            ("refId", .string(reference == 0 ? "A" : "B")), ("expr", .string(expression)),
            ("legendFormat", .string(legend)),
        ])
    }

    private static func panel(
        _ title: String,
        _ description: String,
        _ unit: String,
        _ targets: [JSONValue],
        _ display: KPIDisplay,
        _ number: Int
    ) -> JSONValue {
        let shown = display.show.map { figure in
            switch figure {
            case .average: "mean"
            case .max, .min: figure.rawValue
            case .last: "lastNotNull"
            }
        }
        let style =
            display.chart == .bar
            ? [("drawStyle", JSONValue.string("bars")), ("fillOpacity", .number(60))]
            : [("lineInterpolation", JSONValue.string("stepAfter"))]
        let place = JSONValue.object([
            ("x", .number(Double(number % 2 * 12))), ("y", .number(Double(number / 2 * 8))),
            ("w", .number(12)), ("h", .number(8)),
        ])
        let source = JSONValue.object([
            ("type", .string("prometheus")), ("uid", .string("${datasource}")),
        ])
        let legend = JSONValue.object([
            ("displayMode", .string(shown.isEmpty ? "list" : "table")), ("placement", .string("bottom")),
            ("calcs", .strings(shown)),
        ])
        return .object([
            ("id", .number(Double(number + 1))), ("type", .string("timeseries")), ("title", .string(title)),
            ("description", .string(description)), ("datasource", source), ("gridPos", place),
            (
                "fieldConfig",
                .object([
                    (
                        "defaults",
                        .object([
                            ("unit", .string(unit)),
                            ("custom", .object(style)),
                        ])
                    ), ("overrides", .array([])),
                ])
            ), ("options", .object([("legend", legend)])), ("targets", .array(targets)),
        ])
    }
}
