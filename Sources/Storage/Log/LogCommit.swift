import Model
import Synchronization

/// One record on its way to the disk, and the writer who waits for it.
final class LogCommit: Sendable {
    private enum State {
        case underWay
        case awaited(CheckedContinuation<SinkError?, Never>)
        case finished(SinkError?)
    }

    private let state = Mutex(State.underWay)

    /// Returns when the record is durable in the way the store's options say; waited for once.
    func wait() async throws(SinkError) {
        let error: SinkError? = await withCheckedContinuation { continuation in
            let finished: SinkError?? = state.withLock { state in
                if case .finished(let error) = state { return .some(error) }
                state = .awaited(continuation)
                return nil
            }
            if let finished { continuation.resume(returning: finished) }
        }
        if let error { throw error }
    }

    /// Ends the wait, with an error if the record is not durable.
    func finish(_ error: SinkError?) {
        let waiter: CheckedContinuation<SinkError?, Never>? = state.withLock { state in
            defer { state = .finished(error) }
            guard case .awaited(let continuation) = state else { return nil }
            return continuation
        }
        waiter?.resume(returning: error)
    }
}
