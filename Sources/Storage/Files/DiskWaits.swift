import Synchronization

/// Whether the reads of a thread may wait for a disk: a thread of connections must not.
enum DiskWaits {
    /// Notes whether a read was refused.
    private final class Refusal: Sendable {
        private let state = Atomic(false)

        var hasHappened: Bool { state.load(ordering: .relaxed) }

        func note() { state.store(true, ordering: .relaxed) }
    }

    /// Set while reads are refused.
    @TaskLocal private static var refusal: Refusal?

    /// Runs `body`, whose reads from disk fail on this thread.
    ///
    /// - Returns: Whether there were none.
    static func forbidden(_ body: () -> Void) -> Bool {
        let refusal = Refusal()
        $refusal.withValue(refusal, operation: body)
        return !refusal.hasHappened
    }

    /// Throws `wouldWait` if reads are refused; to be called before each of them.
    static func check() throws(StorageError) {
        guard let refusal else { return }
        refusal.note()
        throw .wouldWait
    }
}
