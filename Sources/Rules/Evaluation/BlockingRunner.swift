/// Runs work that may block on threads that may, which those of Swift's concurrency may not.
package protocol BlockingRunner: Sendable {
    /// Runs `body` on such a thread and returns what it returns.
    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T
}
