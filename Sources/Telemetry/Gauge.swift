/// A value that goes up and down, such as bytes in use.
///
/// Changing it is lock-free and may be done from any thread.
package final class Gauge: Sendable {
    private let current = AtomicDouble(0)

    init() {}

    /// Replaces the value.
    package func set(_ value: Double) {
        current.set(value)
    }

    /// Adds `amount`, which may be negative.
    package func add(_ amount: Double) {
        current.add(amount)
    }

    /// The value now.
    package var value: Double { current.value }
}
