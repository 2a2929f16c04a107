import Model

/// Charges a query's budget in portions, so that small pieces of work cost next to nothing.
///
/// Whatever it holds is given back by `releaseAll`, whether the query succeeded or not.
struct Meter {
    /// After how many units of work the budget is asked whether to go on.
    private static let workUnits = 8192
    /// How many samples are charged at once at least.
    private static let portion = 4096

    private let budget: QueryBudget
    private let portion: Int
    private var charged = 0
    private var spare = 0
    private var pendingWork = 0

    /// A meter on `budget`.
    init(_ budget: QueryBudget) {
        self.budget = budget
        portion = max(1, min(Meter.portion, budget.sampleLimit / 256))
    }

    /// Notes that `count` more samples are in memory.
    mutating func hold(_ count: Int) throws(PromQLError) {
        guard count > spare else {
            spare -= count
            return
        }
        let wanted = max(count - spare, portion)
        charged += wanted
        spare += wanted - count
        do { try budget.charge(samples: wanted) } catch { throw .source(error) }
    }

    /// Notes that `count` samples are no longer in memory.
    mutating func release(_ count: Int) {
        spare += count
        let surplus = spare - portion
        guard surplus > 0 else { return }
        budget.release(samples: surplus)
        charged -= surplus
        spare -= surplus
    }

    /// Gives back all that is held.
    mutating func releaseAll() {
        budget.release(samples: charged)
        charged = 0
        spare = 0
    }

    /// Notes work on about `units` samples; throws if the query is to stop.
    @inline(__always)
    mutating func work(_ units: Int) throws(PromQLError) {
        pendingWork += units
        if pendingWork >= Meter.workUnits { try checkpoint() }
    }

    /// Throws if the query is to stop.
    mutating func checkpoint() throws(PromQLError) {
        pendingWork = 0
        do { try budget.checkpoint() } catch { throw .source(error) }
    }

    /// Notes that `count` samples were read, for the query's statistics.
    func noteScanned(_ count: Int) {
        budget.noteScanned(samples: count)
    }
}
