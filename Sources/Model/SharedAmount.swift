import Synchronization

/// An amount that several pieces of work take from at once, such as the memory of all queries.
public final class SharedAmount: Sendable {
    private let taken = Atomic<Int>(0)
    /// The most that was taken since `onDrop` was called last.
    private let highest = Atomic<Int>(0)
    private let drop: Int
    private let onDrop: @Sendable () -> Void

    /// Nothing is taken.
    ///
    /// - Parameters:
    ///   - drop: By how much less than before has to be taken for `onDrop` to be called.
    ///   - onDrop: Called by who gives back, each time so much less is taken; it must not take long.
    public init(drop: Int = .max, onDrop: @escaping @Sendable () -> Void = {}) {
        self.drop = drop
        self.onDrop = onDrop
    }

    /// How much is taken now.
    public var current: Int { taken.load(ordering: .relaxed) }

    /// Takes `amount` if no more than `limit` is taken then; otherwise takes nothing and answers false.
    public func take(_ amount: Int, limit: Int) -> Bool {
        let now = taken.add(amount, ordering: .relaxed).newValue
        if now <= limit {
            highest.max(now, ordering: .relaxed)
            return true
        }
        taken.subtract(amount, ordering: .relaxed)
        return false
    }

    /// Gives `amount` back.
    public func give(back amount: Int) {
        let now = taken.subtract(amount, ordering: .relaxed).newValue
        let before = highest.load(ordering: .relaxed)
        guard before - now >= drop else { return }
        // Of several that see it one calls.
        let (isFirst, _) = highest.compareExchange(expected: before, desired: now, ordering: .relaxed)
        if isFirst { onDrop() }
    }
}
