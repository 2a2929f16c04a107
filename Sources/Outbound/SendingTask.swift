import Model
import Synchronization

/// The task of a sender, which sleeps until there is something to do and ends when the sender is stopped.
///
/// The sender is an actor. It starts the task when something waits, and its work notes its end before it
/// gives way to anything else; so nothing that comes meanwhile is left lying.
final class SendingTask: Sendable {
    private struct State {
        var worker: Task<Void, Never>?
        var nap: Task<Void, Never>?
        var isStopping = false
    }

    private let state = Mutex(State())

    /// Whether the sender is to end: what waits is tried once more.
    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Starts `work`, unless it runs already.
    func start(_ work: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            guard state.worker == nil else { return }
            state.worker = Task { await work() }
        }
    }

    /// Notes that the work is over; the last thing that it does.
    func end() { state.withLock { $0.worker = nil } }

    /// Ends the sleep, because there is news.
    func wake() { state.withLock { $0.nap }?.cancel() }

    /// Sleeps, unless there is news or the sender is to stop.
    func sleep(millis: Int64) async {
        let nap = state.withLock { state -> Task<Void, Never>? in
            guard !state.isStopping else { return nil }
            // Cancelled, it ends early, which is what is wanted.
            let nap = Task { _ = try? await Task.sleep(for: .milliseconds(millis)) }
            state.nap = nap
            return nap
        }
        await nap?.value
        state.withLock { $0.nap = nil }
    }

    /// Makes the work end within so many milliseconds and closes `client`; with 0 nothing more is sent.
    func stop(withinMillis limit: Int64, closing client: ConfiguredClient) async {
        state.withLock { $0.isStopping = true }
        if limit <= 0 { await client.close() }
        wake()
        let end = Task {
            // Cancelled: what was waited for came in time.
            guard (try? await Task.sleep(for: .milliseconds(limit))) != nil else { return }
            await client.close()
        }
        await state.withLock { $0.worker }?.value
        end.cancel()
        await client.close()
    }
}
