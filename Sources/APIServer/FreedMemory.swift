import CSextant
import Dispatch
import Synchronization

/// Gives memory back to the system that large queries have freed.
///
/// The C library keeps it, for each thread apart; several large queries one after the other, on one thread
/// each, would leave the daemon with several times of what they may take together.
final class FreedMemory: Sendable {
    /// How much has to be free more than before, in bytes.
    static let leastByteCount = 64 << 20
    /// How long after the last of it was given back, so that it is free.
    private static let delay = DispatchTimeInterval.milliseconds(20)

    private let queue = DispatchQueue(label: "sextant.memory", qos: .utility)
    private let isDue = Atomic(false)

    /// Has it given back soon, by another thread.
    func giveBackSoon() {
        if isDue.exchange(true, ordering: .relaxed) { return }
        queue.asyncAfter(deadline: .now() + FreedMemory.delay) { [self] in
            isDue.store(false, ordering: .relaxed)
            sx_release_freed_memory()
        }
    }
}
