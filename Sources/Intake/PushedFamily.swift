import Model

/// A metric family as a client pushed it: what is said about it, and its samples without times.
package struct PushedFamily: Hashable, Sendable {
    /// One sample.
    package struct Sample: Hashable, Sendable {
        /// The labels, `__name__` among them; of a histogram that is `x_bucket`, `x_sum` or `x_count`.
        package var labels: Labels
        /// The value.
        package var value: Double

        /// A sample of the given parts.
        package init(labels: Labels, value: Double) {
            self.labels = labels
            self.value = value
        }
    }

    /// The name of the family.
    package var name: String
    /// Its type; `unknown` is the format's `untyped`.
    package var kind = MetricMetadata.Kind.unknown
    /// Its help text, empty if there is none.
    package var help = ""
    /// The samples, in the order they came.
    package var samples: [Sample] = []

    /// The family `name` without samples.
    package init(name: String) {
        self.name = name
    }
}
