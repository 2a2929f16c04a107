import APIServer
import KPI
import Synchronization

/// Looks now and then what late samples mean for KPIs, and keeps it over a restart.
final class LateDataKeeper: Sendable {
    /// How often it looks, in milliseconds.
    private static let everyMillis = 1000

    private let kpis: KPIService
    private let archive: KPIArchive
    private let threads: WorkerThreads
    private let state = Mutex(State())

    private struct State {
        /// How many changes have been kept.
        var keptCount = 0
        /// Before this the file is not written again, so that writing it takes a small part of the time.
        var pauseEnd = ContinuousClock.now
    }

    /// A keeper of what `kpis` knows.
    init(kpis: KPIService, archive: KPIArchive, threads: WorkerThreads) {
        self.kpis = kpis
        self.archive = archive
        self.threads = threads
    }

    /// Looks until its task is cancelled.
    func run() async {
        for await _ in AsyncTicks(everyMillis: LateDataKeeper.everyMillis) { await settle() }
    }

    /// Looks once, and writes the file if there is anything new; the last time in any case.
    func settle(isLast: Bool = false) async {
        // Threads that have stopped are an end of the daemon without order; then nothing is left to do.
        try? await threads.run { [self] in
            kpis.settleLateData()
            state.withLock { state in
                let count = kpis.revisions.changeCount
                let start = ContinuousClock.now
                guard count != state.keptCount, isLast || start >= state.pauseEnd else { return }
                archive.keep(kpis.revisions.record)
                state.keptCount = count
                let end = ContinuousClock.now
                state.pauseEnd = end + (end - start) * 50
            }
        }
    }
}
