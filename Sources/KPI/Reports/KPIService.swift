import Model
import Synchronization

/// Answers questions about KPIs by the definitions in force.
package final class KPIService: Sendable {
    /// Where the values of metrics come from.
    package let source: any AggregateSource
    /// Where the values of `promql` metrics are kept; nil: nowhere.
    let kept: KeptBuckets?
    /// The time zones.
    let zones: TimeZones
    /// Which final periods late data have changed.
    package let revisions: Revisions
    /// Writes of late data that nobody has looked at.
    let lateBatches = LateBatches()
    /// The watermarks of metrics when late data of theirs were looked at last.
    let settledWatermarks = Mutex<[ByteText: Int64]>([:])
    private let clock: @Sendable () -> Timestamp
    private let state: Mutex<State>

    private struct State {
        var versions: KPIVersions
        var lateMetrics: LateMetrics
    }

    /// A service for these definitions.
    ///
    /// - Parameters:
    ///   - definitions: The definitions in force.
    ///   - past: Versions that earlier runs knew.
    ///   - revisions: What earlier runs knew of late data.
    ///   - source: Where the values of metrics come from.
    ///   - kept: Where the values of `promql` metrics are kept; nil: nowhere.
    ///   - zones: The time zones.
    ///   - now: The clock.
    package init(
        definitions: KPIDefinitions,
        past: [KPIVersion] = [],
        revisions: Revisions.Record = Revisions.Record(),
        source: any AggregateSource,
        kept: KeptBuckets? = nil,
        zones: TimeZones = .system,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.source = source
        self.kept = kept
        self.revisions = Revisions(revisions)
        self.zones = zones
        clock = now
        state = Mutex(
            State(
                versions: KPIVersions(definitions, at: now(), past: past),
                lateMetrics: LateMetrics(definitions)
            )
        )
        kept?.replace(by: versions.metrics)
    }

    /// The definitions in force, with their versions.
    package var versions: KPIVersions { state.withLock { $0.versions } }

    /// The metrics to whose series late samples may come.
    var lateMetrics: LateMetrics { state.withLock { $0.lateMetrics } }

    /// The time.
    package var now: Timestamp { clock() }

    /// Puts other definitions into force.
    package func replace(by definitions: KPIDefinitions) {
        let time = clock()
        let watch = LateMetrics(definitions)
        state.withLock { state in
            state.versions.replace(by: definitions, at: time)
            state.lateMetrics = watch
        }
        kept?.replace(by: versions.metrics)
    }

    /// An evaluator by these definitions, or by those in force.
    func evaluator(_ definitions: KPIDefinitions, at time: Timestamp) -> KPIEvaluator {
        KPIEvaluator(definitions: definitions, source: source, now: time)
    }
}
