import Synchronization

/// A whole number that only rises, such as requests served.
///
/// Adding is lock-free and may be done from any thread.
package final class Counter: Sendable {
    private let total = Atomic<Int>(0)

    init() {}

    /// Adds `count`, which is not negative.
    package func add(_ count: Int = 1) {
        precondition(count >= 0, "BUG: a counter went down by \(count)")
        total.wrappingAdd(count, ordering: .relaxed)
    }

    /// The total so far.
    package var value: Int { total.load(ordering: .relaxed) }
}

/// A total that only rises and is no whole number, such as seconds spent.
///
/// Adding is lock-free and may be done from any thread.
package final class FloatCounter: Sendable {
    private let total = AtomicDouble(0)

    init() {}

    /// Adds `seconds`, which is not negative.
    package func add(seconds: Double) {
        precondition(seconds >= 0, "BUG: a counter went down by \(seconds)")
        total.add(seconds)
    }

    /// Adds `duration` as seconds; a negative one (a clock that jumped) counts as none.
    package func add(_ duration: Duration) {
        total.add(max(0, duration.seconds))
    }

    /// The total so far.
    package var value: Double { total.value }
}

extension Duration {
    /// The duration in seconds.
    package var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds / 1_000_000_000) / 1e9
    }
}
