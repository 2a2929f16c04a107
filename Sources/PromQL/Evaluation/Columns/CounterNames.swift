import Model

/// Looks whether metrics are called as counters are; series after series mostly have the same name.
struct CounterNames {
    private static let suffixes = ["_total", "_sum", "_count", "_bucket"].map { Array($0.utf8) }
    private static let label = Array(Labels.metricName.utf8)

    /// The name that was looked at last.
    private var last: [UInt8] = []

    /// Calls `body` with the name of a metric that does not end as the names of counters do, unless it is
    /// that of the series before.
    mutating func check(_ labels: Labels, _ body: (String) -> Void) {
        var position = 0
        while let (label, value) = labels.next(at: &position) {
            guard labels.packed[label].elementsEqual(CounterNames.label) else { continue }
            let name = labels.packed[value]
            if name.elementsEqual(last) { return }
            last = Array(name)
            let isOfCounter = CounterNames.suffixes.contains { name.suffix($0.count).elementsEqual($0) }
            if !isOfCounter { body(String(decoding: name, as: UTF8.self)) }
            return
        }
    }
}
