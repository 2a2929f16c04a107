/// Threads that help large queries while nobody else needs them.
public protocol SpareThreads: Sendable {
    /// Has `work` done on another thread if one is idle, and a processor for it.
    ///
    /// - Returns: Whether it will be done; if not, `work` never runs.
    func tryRun(_ work: @escaping @Sendable () -> Void) -> Bool
}
