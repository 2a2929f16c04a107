import Model

/// What a query yields.
package struct QueryAnswer: Sendable {
    /// The result.
    package var value: QueryValue
    /// What makes the result doubtful, as Prometheus words it, each with its place in the query text; at most
    /// ten, then one entry that counts the rest.
    package var warnings: [String]
    /// What the asker may want to know, in the same form.
    package var infos: [String]
    /// Those of the warnings that come from the source of the samples, all of them.
    package var sourceWarnings: [String] = []
    /// What the result takes of the query's memory, for as long as a copy of the answer is kept.
    package var memory: HeldMemory?

    /// An answer.
    package init(value: QueryValue, warnings: [String] = [], infos: [String] = [], memory: HeldMemory? = nil)
    {
        self.value = value
        self.warnings = warnings
        self.infos = infos
        self.memory = memory
    }
}

/// The result of a query, by type.
package enum QueryValue: Sendable {
    /// One number.
    case scalar(Timestamp, Double)
    /// One string.
    case string(Timestamp, String)
    /// One sample per series, in the order the expression asks for (`sort`, `topk`) or else in none.
    case vector([InstantSample])
    /// Several samples per series, sorted by labels.
    case matrix([RangeSeries])
}

/// A series of an instant vector.
package struct InstantSample: Sendable {
    /// The labels.
    package var labels: Labels
    /// The time of the evaluation, whatever the time of the sample.
    package var time: Timestamp
    /// The value; a placeholder if the sample is a native histogram.
    package var value: Double
    /// The native histogram, if the sample is one.
    package var histogram: NativeHistogram?
}

/// A series with its samples over time.
package struct RangeSeries: Sendable {
    /// The labels.
    package var labels: Labels
    /// The samples, times rising strictly; never empty.
    package var column: SampleColumn
    /// The samples as JSON, if that was written already.
    package var texts: PointTexts?
}
