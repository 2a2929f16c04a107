import Synchronization

/// The limits as they are now: a reload replaces them under everybody who works by them.
public final class LimitsInForce: Sendable {
    private let limits: Mutex<Limits>

    /// Limits that hold until `replace`.
    public init(_ limits: Limits = .default) {
        self.limits = Mutex(limits)
    }

    /// The limits now; a piece of work asks once and keeps the answer.
    public var current: Limits { limits.withLock { $0 } }

    /// Puts `new` into force, except for limits that only a start can change.
    public func replace(by new: Limits) {
        limits.withLock { limits in
            for entry in Limits.entries where entry.isLive {
                limits[keyPath: entry.path] = new[keyPath: entry.path]
            }
        }
    }
}
