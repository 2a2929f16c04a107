/// How a KPI is made of metrics.
package enum KPIType: Hashable, Sendable {
    /// The value of a metric.
    case simple(metric: String)
    /// One merged metric divided by another.
    case ratio(numerator: String, denominator: String)
    /// Arithmetic; `fill` takes the place of null operands.
    case derived(Formula, fill: Double?)
    /// A metric summed up to the end of each bucket.
    case cumulative(metric: String, CumulativeSpan)
    /// The value of a metric for each local day.
    case perDayAverage(metric: String)

    /// The name in the files.
    package var name: String {
        switch self {
        case .simple: "simple"
        case .ratio: "ratio"
        case .derived: "derived"
        case .cumulative: "cumulative"
        case .perDayAverage: "per_day_average"
        }
    }

    /// The names of the metrics (of a derived KPI also of KPIs) that it mentions, in order, each once.
    package var names: [String] {
        switch self {
        case .simple(let metric), .cumulative(let metric, _), .perDayAverage(let metric): [metric]
        case .ratio(let numerator, let denominator):
            numerator == denominator ? [numerator] : [numerator, denominator]
        case .derived(let formula, _): formula.names
        }
    }
}

/// From where a cumulative KPI counts.
package enum CumulativeSpan: Hashable, Sendable {
    /// From the beginning of that period.
    case toDate(Period)
    /// Over a window that ends with the bucket.
    case window(Window)
    /// From the beginning of all data.
    case allTime
}

/// What a KPI should reach.
package struct KPITarget: Hashable, Sendable {
    /// On which side of the value the target is reached.
    package enum Direction: String, Hashable, Sendable, CaseIterable {
        case above, below
    }

    /// The side.
    package var direction: Direction
    /// The value; reaching it exactly counts.
    package var value: Double

    /// Whether `number` reaches it.
    package func isReached(by number: Double) -> Bool {
        direction == .above ? number >= value : number <= value
    }
}

/// How a KPI is shown.
package struct KPIDisplay: Hashable, Sendable {
    /// How values over time are drawn.
    package enum Chart: String, Hashable, Sendable, CaseIterable {
        case line, bar
    }

    /// A figure that a chart tells beside its course.
    package enum Figure: String, Hashable, Sendable, CaseIterable {
        case average = "avg"
        case max, min, last
    }

    /// The period of its charts; nil for the default one.
    package var period: String?
    /// How it is drawn; nil if that is not said, which is a line.
    package var chart: Chart?
    /// What is shown beside the course.
    package var show: [Figure] = []
}

/// A KPI: a function of merged metrics.
package struct KPIDefinition: Hashable, Sendable {
    /// Its name, unique among KPIs.
    package var name: String
    /// How it is made.
    package var type: KPIType
    /// The unit, as declared.
    package var unit: String?
    /// Its name for people.
    package var displayName: String?
    /// What it is.
    package var description: String?
    /// What is known to be missing or wrong.
    package var caveats: [String]
    /// Who answers for it.
    package var owner: String?
    /// What it should reach.
    package var target: KPITarget?
    /// Whether it is the one that decides.
    package var isNorthStar: Bool
    /// Its calendar.
    package var calendar: Calendar
    /// The period if none is asked for.
    package var defaultPeriod: Period
    /// The periods by which it is meant to be read; any other may be asked.
    package var periods: [Period]
    /// How long after the end of a period its data may still change, in milliseconds.
    package var latenessMillis: Int64
    /// Names that it had before.
    package var aliases: [String]
    /// How it is shown.
    package var display: KPIDisplay
    /// Where it was written.
    package var place: Place

    /// Whether values are percentages, so that ratios are multiplied by 100.
    package var isPercentage: Bool { unit == "percentage" }

    /// Whether it is a ratio.
    package var isRatio: Bool {
        if case .ratio = type { true } else { false }
    }
}

/// A funnel of metrics; steps may exceed the one before, since nobody is followed.
package struct FunnelDefinition: Hashable, Sendable {
    /// Its name, unique among funnels.
    package var name: String
    /// The metric of the first step.
    package var base: String
    /// The metrics of the following steps.
    package var steps: [String]
    /// Its name for people.
    package var displayName: String?
    /// What it is.
    package var description: String?
    /// Its calendar.
    package var calendar: Calendar
    /// How it is shown.
    package var display = KPIDisplay()
    /// Where it was written.
    package var place: Place

    /// All steps, the base first.
    package var allSteps: [String] { [base] + steps }
}
