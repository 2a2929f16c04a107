import Model
import Synchronization

/// What the readers of a selection found that who asked should know.
final class SelectionRemarks: Sendable {
    private struct State {
        var warnings: [String]
        /// By level: samples before this time are gone, and rollups of that level were read in their place.
        var expired: [RollupLevel: Timestamp] = [:]
    }

    private let state: Mutex<State>

    /// What is known from the start.
    init(_ warnings: [String] = []) {
        state = Mutex(State(warnings: warnings))
    }

    /// Notes a warning; false if it was noted before.
    @discardableResult
    func note(_ warning: String) -> Bool {
        state.withLock { state in
            guard !state.warnings.contains(warning) else { return false }
            state.warnings.append(warning)
            return true
        }
    }

    /// Notes that samples before `time` are gone, and that rollups of `level` stand in their place.
    func noteExpired(before time: Timestamp, _ level: RollupLevel) {
        state.withLock { $0.expired[level] = max($0.expired[level] ?? .min, time) }
    }

    /// All that was noted, each once.
    var texts: [String] {
        state.withLock { state in
            state.warnings
                + state.expired.sorted { $0.key < $1.key }.map { level, time in
                    "raw samples before \(time.text) have expired: answered from \(level.name) rollups"
                }
        }
    }
}
