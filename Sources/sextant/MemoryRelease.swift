import CSextant
import ServiceLifecycle

/// Gives memory that is not in use back to the system from time to time.
///
/// Half of what an idle daemon would have resident are pages of its own program that only the start needed.
struct MemoryRelease: Service {
    /// The time between two releases, in milliseconds; bringing back what is in use costs a millisecond.
    private static let everyMillis = 60_000

    /// Gives memory back until a graceful shutdown.
    func run() async throws {
        for await _ in AsyncTicks(everyMillis: MemoryRelease.everyMillis).cancelOnGracefulShutdown() {
            MemoryRelease.releaseNow()
        }
    }

    /// Gives memory back at once.
    static func releaseNow() {
        sx_release_unused_memory()
    }
}
