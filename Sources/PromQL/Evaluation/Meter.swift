import Model

/// Charges a query's budget in portions, so that small pieces of work cost next to nothing.
///
/// Whatever it holds is given back by `releaseAll`, whether the query succeeded or not.
struct Meter {
    /// After how many units of work the budget is asked whether to go on.
    private static let workUnits = 8192
    /// How many samples are charged at once at least.
    private static let portion = 4096
    /// How many bytes are charged at once at least.
    private static let bytePortion = 64 << 10

    private let budget: QueryBudget
    private let portion: Int
    private var charged = 0
    private var spare = 0
    private let bytePortion: Int
    private var chargedBytes = 0
    private var spareBytes = 0
    private var pendingWork = 0

    /// A meter on `budget`.
    init(_ budget: QueryBudget) {
        self.budget = budget
        portion = max(1, min(Meter.portion, budget.sampleLimit / 256))
        bytePortion = max(1, min(Meter.bytePortion, budget.memoryLimitBytes / 256))
    }

    /// Notes that `count` more samples are in memory.
    mutating func hold(_ count: Int) throws(PromQLError) {
        guard count > spare else {
            spare -= count
            return
        }
        let wanted = max(count - spare, portion)
        do { try budget.charge(samples: wanted) } catch { throw .source(error) }
        charged += wanted
        spare += wanted - count
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

    /// Notes that `count` more bytes of something other than samples are in memory.
    mutating func hold(bytes count: Int) throws(PromQLError) {
        guard count > spareBytes else {
            spareBytes -= count
            return
        }
        let wanted = max(count - spareBytes, bytePortion)
        do { try budget.charge(bytes: wanted) } catch { throw .source(error) }
        chargedBytes += wanted
        spareBytes += wanted - count
    }

    /// Notes that `count` bytes are no longer in memory.
    mutating func release(bytes count: Int) {
        spareBytes += count
        let surplus = spareBytes - bytePortion
        guard surplus > 0 else { return }
        budget.release(bytes: surplus)
        chargedBytes -= surplus
        spareBytes -= surplus
    }

    /// Gives back all that is held.
    mutating func releaseAll() {
        budget.release(samples: charged)
        budget.release(bytes: chargedBytes)
        (charged, spare, chargedBytes, spareBytes) = (0, 0, 0, 0)
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
