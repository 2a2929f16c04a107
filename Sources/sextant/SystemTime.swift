import Model
import Rules

/// The machine's clock.
enum SystemTime {
    /// The present.
    static var now: Timestamp { SystemRuleClock().now() }
}
