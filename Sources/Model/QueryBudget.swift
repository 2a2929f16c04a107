import Synchronization

/// What one query may use up, and the switch that stops it; shared by all parts of the query.
///
/// Evaluators and sources charge it while they work and stop with the error it throws, at the latest every
/// few thousand samples.
public final class QueryBudget: Sendable {
    /// The most samples that may be in memory at once.
    public let sampleLimit: Int
    /// The most memory that the query may take at once, in bytes: for samples, labels and its answer.
    public let memoryLimitBytes: Int
    /// The most series that one answer may have.
    public let seriesLimit: Int
    /// How long the query may run, in milliseconds.
    public let timeLimitMillis: Int64

    /// Threads that may help; nil if the query has only its own.
    public let helpers: (any SpareThreads)?

    private let deadline: ContinuousClock.Instant
    /// What all queries hold together, in bytes, and how much that may be.
    private let shared: (amount: SharedAmount, limitBytes: Int)?
    private let cancelled = Atomic<Bool>(false)
    private let held = Atomic<Int>(0)
    private let heldBytes = Atomic<Int>(0)
    private let peak = Atomic<Int>(0)
    private let scanned = Atomic<Int>(0)
    /// How many buckets of each level were read.
    private let fiveMinuteBuckets = Atomic<Int>(0)
    private let hourBuckets = Atomic<Int>(0)
    private let dayBuckets = Atomic<Int>(0)
    private let helpNanos = Atomic<Int64>(0)

    /// A budget whose time runs from now.
    ///
    /// - Parameters:
    ///   - limits: What one query may use up.
    ///   - timeLimitMillis: How long it may run, within `limits`; nil for what those allow.
    ///   - allQueries: What it shares with other queries; nil if it stands alone.
    ///   - helpers: Threads that may help.
    public convenience init(
        limits: Limits,
        timeLimitMillis: Int64? = nil,
        allQueries: SharedAmount? = nil,
        helpers: (any SpareThreads)? = nil
    ) {
        self.init(
            sampleLimit: limits.samplesPerQuery,
            memoryLimitBytes: limits.queryMemoryBytes,
            seriesLimit: limits.seriesPerAnswer,
            timeLimitMillis: min(timeLimitMillis ?? .max, Int64(limits.queryTimeout)),
            shared: allQueries.map { ($0, limits.allQueriesMemoryBytes) },
            helpers: helpers
        )
    }

    /// A budget of these amounts whose time runs from now.
    public init(
        sampleLimit: Int = .max,
        memoryLimitBytes: Int = .max,
        seriesLimit: Int = .max,
        timeLimitMillis: Int64 = Int64(Limits.default.queryTimeout),
        shared: (amount: SharedAmount, limitBytes: Int)? = nil,
        helpers: (any SpareThreads)? = nil
    ) {
        self.helpers = helpers
        self.sampleLimit = sampleLimit
        self.memoryLimitBytes = memoryLimitBytes
        self.seriesLimit = seriesLimit
        self.timeLimitMillis = timeLimitMillis
        self.shared = shared
        deadline = ContinuousClock.now.advanced(by: .milliseconds(timeLimitMillis))
    }

    deinit {
        shared?.amount.give(back: heldBytes.load(ordering: .relaxed))
    }

    /// A budget that nothing exhausts, for the daemon's own small reads and for tests.
    public static func unlimited() -> QueryBudget {
        QueryBudget(timeLimitMillis: 1 << 40)
    }

    /// Makes every later `checkpoint` and `charge` throw `SourceError.cancelled`.
    public func cancel() {
        cancelled.store(true, ordering: .relaxed)
    }

    /// Throws if the query was cancelled or its time is over.
    public func checkpoint() throws(SourceError) {
        if cancelled.load(ordering: .relaxed) { throw .cancelled }
        if ContinuousClock.now > deadline { throw .timedOut(afterMillis: timeLimitMillis) }
    }

    /// Notes that `count` more samples are held in memory; also a checkpoint.
    ///
    /// If it throws, nothing is noted.
    public func charge(samples count: Int) throws(SourceError) {
        try checkpoint()
        let now = held.add(count, ordering: .relaxed).newValue
        do throws(SourceError) {
            if now > sampleLimit { throw .tooManySamples(limit: sampleLimit) }
            try take(bytes: count * Limits.sampleMemoryBytes)
        } catch {
            held.subtract(count, ordering: .relaxed)
            throw error
        }
        peak.max(now, ordering: .relaxed)
    }

    /// Notes that `count` samples are no longer held.
    public func release(samples count: Int) {
        held.subtract(count, ordering: .relaxed)
        release(bytes: count * Limits.sampleMemoryBytes)
    }

    /// Notes that `count` more bytes of something other than samples are held; also a checkpoint.
    ///
    /// If it throws, nothing is noted.
    public func charge(bytes count: Int) throws(SourceError) {
        try checkpoint()
        try take(bytes: count)
    }

    /// Notes that `count` bytes are no longer held.
    public func release(bytes count: Int) {
        heldBytes.subtract(count, ordering: .relaxed)
        shared?.amount.give(back: count)
    }

    private func take(bytes count: Int) throws(SourceError) {
        guard heldBytes.add(count, ordering: .relaxed).newValue <= memoryLimitBytes else {
            heldBytes.subtract(count, ordering: .relaxed)
            throw .tooMuchMemory(limitName: "query_memory_bytes", limitBytes: memoryLimitBytes)
        }
        if let shared, !shared.amount.take(count, limit: shared.limitBytes) {
            heldBytes.subtract(count, ordering: .relaxed)
            throw .tooMuchMemory(limitName: "all_queries_memory_bytes", limitBytes: shared.limitBytes)
        }
    }

    /// Notes that `count` samples were read, for the query's statistics.
    public func noteScanned(samples count: Int) {
        scanned.add(count, ordering: .relaxed)
    }

    /// Notes that `bucketCount` buckets of a level were read in place of samples, for the query's statistics.
    public func noteRead(_ level: RollupLevel, bucketCount: Int) {
        switch level {
        case .fiveMinutes: fiveMinuteBuckets.add(bucketCount, ordering: .relaxed)
        case .hour: hourBuckets.add(bucketCount, ordering: .relaxed)
        case .day: dayBuckets.add(bucketCount, ordering: .relaxed)
        }
    }

    /// The number of buckets of a level that were read in place of samples.
    public func bucketCount(_ level: RollupLevel) -> Int {
        switch level {
        case .fiveMinutes: fiveMinuteBuckets.load(ordering: .relaxed)
        case .hour: hourBuckets.load(ordering: .relaxed)
        case .day: dayBuckets.load(ordering: .relaxed)
        }
    }

    /// Notes processor time that a helper has spent on the query.
    public func noteHelp(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        helpNanos.add(seconds * 1_000_000_000 + attoseconds / 1_000_000_000, ordering: .relaxed)
    }

    /// The processor time of helpers.
    public var helpTime: Duration { .nanoseconds(helpNanos.load(ordering: .relaxed)) }
    /// The most samples that were held at once.
    public var peakSampleCount: Int { peak.load(ordering: .relaxed) }
    /// The number of samples read.
    public var scannedSampleCount: Int { scanned.load(ordering: .relaxed) }
    /// The memory that is held now, in bytes.
    public var heldByteCount: Int { heldBytes.load(ordering: .relaxed) }
}

/// Memory of a query that outlives its evaluation, such as its answer until it is sent: charged while the
/// object lives.
public final class HeldMemory: Sendable {
    private let budget: QueryBudget
    private let byteCount: Int

    private init(_ byteCount: Int, _ budget: QueryBudget) {
        self.budget = budget
        self.byteCount = byteCount
    }

    /// Charges `budget` for `byteCount` bytes.
    public static func charge(_ byteCount: Int, to budget: QueryBudget) throws(SourceError) -> HeldMemory {
        try budget.charge(bytes: byteCount)
        return HeldMemory(byteCount, budget)
    }

    deinit { budget.release(bytes: byteCount) }
}
