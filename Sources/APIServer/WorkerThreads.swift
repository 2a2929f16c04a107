import CSextant
import Dispatch
import Glibc
import Synchronization

/// Threads of our own for work that blocks on disk or recurses deeply, such as queries.
///
/// Swift's own pool must not be blocked, and the stack of its threads, like that of other pools, depends on
/// the environment (`ulimit -s`); these have the size asked for. Work is done in the order in which it comes.
package final class WorkerThreads: Sendable {
    /// Why work was not done.
    package enum Failure: Error, Sendable, CustomStringConvertible {
        /// The threads were stopped before the work began.
        case stopped
        /// The system did not give a thread; `code` is an errno.
        case cannotStart(code: Int32)

        /// The failure as a sentence.
        package var description: String {
            switch self {
            case .stopped: "the daemon is stopping"
            case .cannotStart(let code): "cannot start a thread (error \(code))"
            }
        }
    }

    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isStopped = false
        /// Threads at work.
        var busyCount = 0
    }

    /// How long the turns of threads are that stand back, while others wait for the processor.
    private static let longTurnNanos: UInt64 = 4_000_000

    /// The number of threads.
    package let count: Int

    private let state = Mutex(State())
    /// Wakes one thread for each job; a condition would wake all of them.
    private let signal = DispatchSemaphore(value: 0)

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - count: How many; at least one.
    ///   - stackByteCount: The size of each one's stack; only what is used of it takes memory.
    ///   - niceness: How far they stand back behind the daemon's other threads, 0 (not at all) to 19.
    /// - Throws: `cannotStart`.
    package init(count: Int, stackByteCount: Int = 16 << 20, niceness: Int32 = 0) throws(Failure) {
        self.count = max(1, count)
        for _ in 0..<self.count {
            let code = startThread(stackByteCount: stackByteCount) {
                // On Linux that is about the calling thread alone. If it is refused, nothing is lost.
                if niceness > 0 {
                    _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, niceness)
                    _ = sx_set_turn(WorkerThreads.longTurnNanos)
                }
                self.work()
            }
            guard code == 0 else {
                stop()
                throw .cannotStart(code: code)
            }
        }
    }

    /// Runs `body` on one of the threads.
    ///
    /// - Throws: `stopped`; then `body` did not run.
    package func run<Value: Sendable>(
        _ body: @escaping @Sendable () -> Value
    ) async throws(Failure) -> Value {
        let value: Value? = await withCheckedContinuation { continuation in
            let isTaken = enqueue { continuation.resume(returning: body()) }
            if !isTaken { continuation.resume(returning: nil) }
        }
        guard let value else { throw .stopped }
        return value
    }

    /// Ends the threads once the work they were given is done; later work is refused.
    package func stop() {
        state.withLock { $0.isStopped = true }
        for _ in 0..<count { signal.signal() }
    }

    /// Has `work` done by a thread that is idle, if there is one and fewer than `limit` are busy.
    ///
    /// - Returns: Whether it will be done.
    package func tryRun(limit: Int, _ work: @escaping @Sendable () -> Void) -> Bool {
        let isTaken = state.withLock { state in
            let busyCount = state.busyCount + state.jobs.count
            guard !state.isStopped, state.jobs.isEmpty, busyCount < min(limit, count) else { return false }
            state.jobs.append(work)
            return true
        }
        if isTaken { signal.signal() }
        return isTaken
    }

    private func enqueue(_ job: @escaping @Sendable () -> Void) -> Bool {
        let isTaken = state.withLock { state in
            if !state.isStopped { state.jobs.append(job) }
            return !state.isStopped
        }
        if isTaken { signal.signal() }
        return isTaken
    }

    private func work() {
        while true {
            signal.wait()
            let (job, isOver) = state.withLock { state -> ((@Sendable () -> Void)?, Bool) in
                let job = state.jobs.isEmpty ? nil : state.jobs.removeFirst()
                if job != nil { state.busyCount += 1 }
                return (job, job == nil && state.isStopped)
            }
            if isOver { return }
            guard let job else { continue }
            job()
            state.withLock { $0.busyCount -= 1 }
        }
    }
}

/// What a new thread is to do, carried through C's untyped pointer.
private final class ThreadBody {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) {
        self.run = run
    }
}

/// Starts a detached thread; 0, or the errno that says why not.
private func startThread(stackByteCount: Int, _ body: @escaping @Sendable () -> Void) -> Int32 {
    var attributes = pthread_attr_t()
    var code = unsafe pthread_attr_init(&attributes)
    guard code == 0 else { return code }
    defer { unsafe pthread_attr_destroy(&attributes) }
    code = unsafe pthread_attr_setstacksize(&attributes, stackByteCount)
    if code == 0 { code = unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED)) }
    guard code == 0 else { return code }

    let context = unsafe Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    code = unsafe pthread_create(
        &thread,
        &attributes,
        { context in
            if let context = unsafe context {
                unsafe Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
            }
            return nil
        },
        context.toOpaque()
    )
    if code != 0 { unsafe context.release() }
    return code
}
