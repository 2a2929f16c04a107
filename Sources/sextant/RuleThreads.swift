import APIServer
import Rules

/// Runs the queries of rules on the daemon's own threads.
struct RuleThreads: BlockingRunner {
    let threads: WorkerThreads

    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await threads.run { Result { try body() } }.get()
    }
}
