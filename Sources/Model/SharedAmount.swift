import Synchronization

/// An amount that several pieces of work take from at once, such as the memory of all queries.
public final class SharedAmount: Sendable {
    private let taken = Atomic<Int>(0)

    /// Nothing is taken.
    public init() {}

    /// How much is taken now.
    public var current: Int { taken.load(ordering: .relaxed) }

    /// Takes `amount` if no more than `limit` is taken then; otherwise takes nothing and answers false.
    public func take(_ amount: Int, limit: Int) -> Bool {
        let now = taken.add(amount, ordering: .relaxed).newValue
        if now <= limit { return true }
        taken.subtract(amount, ordering: .relaxed)
        return false
    }

    /// Gives `amount` back.
    public func give(back amount: Int) {
        taken.subtract(amount, ordering: .relaxed)
    }
}
