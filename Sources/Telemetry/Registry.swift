import Model
import Synchronization

/// The daemon's own metrics by name, and their text.
///
/// Asking twice for the same name and labels gives the same instrument, so that parts need not pass
/// instruments around. A name has one kind for good.
package final class Registry: Sendable {
    private let families = Mutex<[String: Family]>([:])

    /// A registry without metrics.
    package init() {}

    /// The counter `name` with `labels`; the name ends in `_total`.
    package func counter(_ name: String, help: String, labels: Labels = .empty) -> Counter {
        let found = instrument(name, .counter, help, labels) { .counter(Counter()) }
        guard case .counter(let counter) = found else { preconditionFailure("BUG: \(name) is no Counter") }
        return counter
    }

    /// The counter of a fractional total, such as seconds; the name ends in `_seconds_total` or the like.
    package func floatCounter(_ name: String, help: String, labels: Labels = .empty) -> FloatCounter {
        let found = instrument(name, .counter, help, labels) { .floatCounter(FloatCounter()) }
        guard case .floatCounter(let counter) = found else {
            preconditionFailure("BUG: \(name) is no FloatCounter")
        }
        return counter
    }

    /// The gauge `name` with `labels`.
    package func gauge(_ name: String, help: String, labels: Labels = .empty) -> Gauge {
        let found = instrument(name, .gauge, help, labels) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = found else { preconditionFailure("BUG: \(name) is no Gauge") }
        return gauge
    }

    /// The histogram `name` with `labels`; `buckets` are rising upper bounds without infinity.
    package func histogram(
        _ name: String,
        help: String,
        labels: Labels = .empty,
        buckets: [Double] = Histogram.latencyBuckets
    ) -> Histogram {
        let found = instrument(name, .histogram, help, labels) { .histogram(Histogram(buckets: buckets)) }
        guard case .histogram(let histogram) = found else {
            preconditionFailure("BUG: \(name) is no Histogram")
        }
        return histogram
    }

    /// Adds values that are read when the metrics are asked for.
    ///
    /// - Parameters:
    ///   - name: The name of the family.
    ///   - help: Its help text.
    ///   - kind: Its type; histograms cannot be collected this way.
    ///   - read: Yields label sets with values. It is called without any lock held, from any thread.
    package func collect(
        _ name: String,
        help: String,
        kind: MetricMetadata.Kind,
        _ read: @escaping @Sendable () -> [(Labels, Double)]
    ) {
        precondition(kind != .histogram, "BUG: the histogram \(name) cannot be collected")
        families.withLock { families in
            families[name]?.check(name, is: kind)
            families[name, default: Family(kind: kind, help: help)].readers.append(read)
        }
    }

    /// Appends all metrics in text exposition format: families in the order of their names, series of their
    /// labels.
    ///
    /// - Parameters:
    ///   - out: Where the text goes.
    ///   - append: Writes what somebody else has of the family whose name it gets.
    package func render(
        into out: inout [UInt8],
        appending append: (String, inout ExpositionWriter) -> Void = { _, _ in }
    ) {
        var writer = ExpositionWriter()
        let snapshot = families.withLock { $0 }
        for (name, family) in snapshot.sorted(by: { $0.key < $1.key }) {
            let collected = family.readers.flatMap { $0() }.sorted { $0.0 < $1.0 }
            if family.series.isEmpty && collected.isEmpty { continue }
            writer.family(name, kind: family.kind, help: family.help)
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.write(name, labels, to: &writer)
            }
            for (labels, value) in collected {
                writer.sample(name, labels: labels, value: value)
            }
            append(name, &writer)
        }
        out.append(contentsOf: writer.bytes)
    }

    /// What the registry knows about its families, in name order.
    package func metadata() -> [MetricMetadata] {
        families.withLock { $0 }.map {
            MetricMetadata(name: $0.key, kind: $0.value.kind, help: $0.value.help)
        }
        .sorted { $0.name < $1.name }
    }

    private func instrument(
        _ name: String,
        _ kind: MetricMetadata.Kind,
        _ help: String,
        _ labels: Labels,
        make: () -> Instrument
    ) -> Instrument {
        families.withLock { families in
            families[name]?.check(name, is: kind)
            if let found = families[name]?.series[labels] { return found }
            let made = make()
            families[name, default: Family(kind: kind, help: help)].series[labels] = made
            return made
        }
    }
}

/// All that is registered under one name.
private struct Family: Sendable {
    var kind: MetricMetadata.Kind
    var help: String
    var series: [Labels: Instrument] = [:]
    var readers: [@Sendable () -> [(Labels, Double)]] = []

    func check(_ name: String, is kind: MetricMetadata.Kind) {
        precondition(self.kind == kind, "BUG: \(name) is a \(self.kind), not a \(kind)")
    }
}

/// One series of the registry.
private enum Instrument: Sendable {
    case counter(Counter)
    case floatCounter(FloatCounter)
    case gauge(Gauge)
    case histogram(Histogram)

    func write(_ name: String, _ labels: Labels, to writer: inout ExpositionWriter) {
        switch self {
        case .counter(let counter): writer.sample(name, labels: labels, value: Double(counter.value))
        case .floatCounter(let counter): writer.sample(name, labels: labels, value: counter.value)
        case .gauge(let gauge): writer.sample(name, labels: labels, value: gauge.value)
        case .histogram(let histogram): writer.histogram(name, labels: labels, histogram)
        }
    }
}
