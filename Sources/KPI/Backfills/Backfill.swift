import Model

/// A past of metrics that is computed in the background, so that questions about it need not wait.
package struct Backfill: Hashable, Sendable, Codable {
    /// How far it is.
    package enum State: String, Hashable, Sendable, Codable {
        /// It has not begun.
        case waiting
        case running
        /// All of it is computed.
        case done
        /// It ended with an error.
        case failed
        /// Somebody ended it.
        case cancelled

        /// Whether nothing more will happen.
        package var isOver: Bool { self == .done || self == .failed || self == .cancelled }
    }

    /// What is computed of one metric; nothing of one whose values are not kept.
    package struct Part: Hashable, Sendable, Codable {
        /// The metric's name.
        package var metric: String
        /// How many 5-minute buckets there are to compute; 0 before it is known.
        package var bucketCount = 0
        /// How many of them are done.
        package var doneCount = 0
        /// How many of them had to be computed; the others were known.
        package var computedCount = 0
    }

    /// What names it.
    package var id: String
    /// The KPIs it was asked for.
    package var kpis: [String]
    /// The metrics whose values it computes.
    package var parts: [Part]
    /// The first time, in milliseconds; nil: where the data of each metric begin.
    package var start: Int64?
    /// The time before which it ends, in milliseconds.
    package var end: Int64
    /// How far it is.
    package var state = State.waiting
    /// Why it failed.
    package var error: String?
    /// When it was asked for, in milliseconds.
    package var createdMillis: Int64
    /// When it was over.
    package var finishedMillis: Int64?

    /// How much of it is done, from 0 to 1.
    package var progress: Double {
        if state == .done { return 1 }
        let all = parts.reduce(0) { $0 + $1.bucketCount }
        let done = parts.reduce(0) { $0 + $1.doneCount }
        return all == 0 ? 0 : Double(done) / Double(all)
    }
}
