/// The one way in: whatever writes samples (remote write, import, push, rules) appends batches to a sink.
public protocol SampleSink: Sendable {
    /// Stores what is valid of `batch`, so that reads see it; it is durable a moment later.
    ///
    /// Samples may have any age and come in any order; of equal series and time the later write wins. What
    /// cannot be stored is named in the outcome, the rest is stored. Whoever tells others that it is stored
    /// waits until it is durable first.
    ///
    /// - Parameter batch: The samples; label sets in it are packed, or are made so by its spelling.
    /// - Returns: How many samples are stored, what was refused, and what to wait for.
    /// - Throws: `SinkError` when nothing of the batch may be relied on; the caller may send it again.
    func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite
}

extension SampleSink {
    /// As `stage`, but returns once the samples are durable.
    public func append(_ batch: SampleBatch) async throws(SinkError) -> AppendOutcome {
        let staged = try stage(batch)
        try await staged.waitUntilDurable()
        return staged.outcome
    }
}

/// A write that reads see and that may not be durable yet.
public struct StagedWrite: Sendable {
    /// What became of the batch, if it becomes durable.
    public var outcome: AppendOutcome
    private let wait: (@Sendable () async throws(SinkError) -> Void)?

    /// A write that is durable when `wait` returns, or at once without one; `wait` is called once at most.
    public init(
        _ outcome: AppendOutcome,
        waitUntilDurable wait: (@Sendable () async throws(SinkError) -> Void)? = nil
    ) {
        self.outcome = outcome
        self.wait = wait
    }

    /// Returns when the write is durable; to be called once at most.
    ///
    /// - Throws: `SinkError` if it is not and will not be.
    public func waitUntilDurable() async throws(SinkError) {
        if let wait { try await wait() }
    }
}

/// What became of a batch.
public struct AppendOutcome: Sendable {
    /// How many samples are stored.
    public var storedSampleCount: Int
    /// What was refused.
    public var rejections: Rejections

    /// An outcome with the given counts.
    public init(storedSampleCount: Int = 0, rejections: Rejections = Rejections()) {
        self.storedSampleCount = storedSampleCount
        self.rejections = rejections
    }
}

/// What a write refused: how many samples, and the first few with their reasons.
public struct Rejections: Sendable {
    /// How many refusals are kept with their text.
    public static let keptCount = 10

    /// The number of samples (or of series without samples) that were refused.
    public private(set) var count = 0
    /// How many of them a limit on the number of series refused; they may be accepted later.
    public private(set) var limitedCount = 0
    /// The first refusals, one sentence each that names the series, the time and the reason.
    public private(set) var first: [String] = []

    /// No refusals.
    public init() {}

    /// Whether nothing was refused.
    public var isEmpty: Bool { count == 0 }

    /// Notes `sampleCount` (at least one) refused samples; `reason` is built only while it will be kept.
    public mutating func add(sampleCount: Int = 1, _ reason: @autoclosure () -> String) {
        count += max(1, sampleCount)
        if first.count < Rejections.keptCount { first.append(reason()) }
    }

    /// Notes samples of a series (at least one) that would exceed a limit on the number of series.
    public mutating func add(limitedSampleCount: Int, _ reason: @autoclosure () -> String) {
        limitedCount += max(1, limitedSampleCount)
        add(sampleCount: limitedSampleCount, reason())
    }

    /// Whether there are refusals, all because of limits on the number of series.
    public var areAllOfLimits: Bool { count > 0 && limitedCount == count }

    /// Adds what another step of the same write refused.
    public mutating func add(_ other: Rejections) {
        count += other.count
        limitedCount += other.limitedCount
        first.append(contentsOf: other.first.prefix(Rejections.keptCount - first.count))
    }

    /// The text for the client: the reasons, and how many are not shown.
    public var summary: String {
        guard !isEmpty else { return "" }
        let hidden = count - first.count
        let shown = first.joined(separator: "\n")
        return hidden > 0 ? "\(shown)\n... \(count) refused in all; the valid rest is stored" : shown
    }
}

/// Why a sink could not take a batch at all.
public enum SinkError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The store cannot write at present (disk full, a failed sync, shutting down); reads may go on.
    case unavailable(String)
    /// The batch would exceed a limit; the text names it.
    case limitExceeded(String)

    /// The sentence for the client.
    public var description: String {
        switch self {
        case .unavailable(let reason): "storage unavailable: \(reason)"
        case .limitExceeded(let reason): reason
        }
    }
}
