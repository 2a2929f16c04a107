import Model
import Synchronization

/// Writes with samples for the past, as they came, until somebody looks what they concern.
///
/// A write is only put on the list, whatever its size, so that late data cost their writers nothing.
final class LateBatches: Sendable {
    /// So many samples may wait; then the writer has to look itself.
    private static let sampleLimit = 2_000_000

    /// One write.
    struct Entry: Sendable {
        var batch: SampleBatch
        /// Samples before this time are late if a metric had newer ones, in milliseconds.
        var limit: Int64
    }

    private struct State {
        var entries: [Entry] = []
        var sampleCount = 0
    }

    private let state = Mutex(State())

    /// Adds a write; false if so much waits that it has to be looked at now.
    func add(_ entry: Entry) -> Bool {
        state.withLock { state in
            state.entries.append(entry)
            state.sampleCount += entry.batch.sampleCount
            return state.sampleCount <= LateBatches.sampleLimit
        }
    }

    /// What has come since the last call, in the order of writing.
    func take() -> [Entry] {
        state.withLock { state in
            guard !state.entries.isEmpty else { return [] }
            defer { state = State() }
            return state.entries
        }
    }
}
