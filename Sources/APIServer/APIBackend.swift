import KPI
import Model
import PromQL
import Push
import Rules

/// What the routes work on; it exists once the store is open and the rules are loaded.
package struct APIBackend: Sendable {
    /// Where everything is read from.
    package var source: any SeriesSource
    /// Where everything is written to.
    package var sink: any SampleSink
    /// The pushed groups; nil if none are taken.
    package var push: PushGroups?
    /// What evaluates queries.
    package var engine: @Sendable () -> Engine
    /// What answers questions about KPIs.
    package var kpis: KPIService
    /// The remarks on KPIs.
    package var annotations = Annotations()
    /// The state of the rule groups.
    package var ruleGroups: @Sendable () -> [RuleGroupStatus]
    /// Whether a series whose name begins with `kpi:` is one that this daemon's rules record; `/metrics`
    /// shows no other.
    package var isRecorded: @Sendable (Labels) -> Bool
    /// Writes the head into segments.
    package var flush: @Sendable () async throws -> Void
    /// What the daemon knows about its configuration.
    package var status: @Sendable () -> DaemonStatus
    /// Reads rules, retention and configuration anew; throws what is wrong with them, then the old ones stay.
    package var reload: @Sendable () async throws -> Void
    /// What the store holds, for the page at `/`.
    package var figures: @Sendable () -> StoreFigures = { StoreFigures() }
    /// Where alerts are sent to.
    package var alertmanagers: @Sendable () async -> AlertmanagerAddresses = { AlertmanagerAddresses() }
    /// Merges segments until there is nothing left to merge.
    package var compact: @Sendable () async throws -> Void = {}
    /// Deletes samples; when it returns, nobody reads them any more.
    package var delete: @Sendable (SeriesDelete) async throws -> Void = { _ in }
    /// How many series and samples a delete would take, within the budget.
    package var countDeletion: @Sendable (SeriesDelete, QueryBudget) throws(SourceError) -> DeleteCount = {
        _,
        _ in DeleteCount()
    }
    /// Removes what was deleted from all files.
    package var cleanTombstones: @Sendable () async throws -> Void = {}
    /// Makes a snapshot, without what is in memory only if the flag is set.
    package var snapshot: @Sendable (_ skipsHead: Bool) async throws -> SnapshotPlace = { _ in
        SnapshotPlace(name: "", path: "", sequence: 0)
    }
    /// What the series are made of; lists have at most so many lines.
    package var cardinality: @Sendable (Int) throws -> CardinalityFigures = { _ in CardinalityFigures() }
    /// What a retention policy, given as the text of a file, means for what is stored; nil: the one in force.
    package var retention: @Sendable ((text: String, file: String)?) async throws -> RetentionReport = { _ in
        RetentionReport(rules: [], due: nil)
    }

    /// The pasts of metrics that are computed, or were.
    package var kpiBackfills: Backfills

    /// The pasts of rules that are being computed.
    package var backfills: @Sendable () async -> [BackfillStatus] = { [] }
    /// Computes a past of rules in the background; throws what is wrong with the request.
    package var backfill: @Sendable (BackfillRequest) async throws -> [BackfillStatus] = { _ in [] }

    /// A backend of the given parts.
    package init(
        source: any SeriesSource,
        sink: any SampleSink,
        push: PushGroups? = nil,
        engine: @escaping @Sendable () -> Engine,
        ruleGroups: @escaping @Sendable () -> [RuleGroupStatus],
        isRecorded: @escaping @Sendable (Labels) -> Bool,
        flush: @escaping @Sendable () async throws -> Void,
        status: @escaping @Sendable () -> DaemonStatus,
        reload: @escaping @Sendable () async throws -> Void
    ) {
        self.source = source
        self.sink = sink
        self.push = push
        self.engine = engine
        self.ruleGroups = ruleGroups
        kpis = KPIService(definitions: .none, source: RawAggregates(source: source)) {
            Timestamp(millis: 0)
        }
        kpiBackfills = Backfills(kpis)
        self.isRecorded = isRecorded
        self.flush = flush
        self.status = status
        self.reload = reload
    }
}

/// What is to be deleted: samples of `range` of the series that satisfy all matchers of any selection.
package struct SeriesDelete: Sendable {
    /// Which series.
    package var selections: [[Matcher]]
    /// Which times, both ends included.
    package var range: TimeRange
}

/// How much a delete would take.
package struct DeleteCount: Sendable {
    /// The number of series.
    package var series = 0
    /// The number of their samples.
    package var samples = 0

    /// Nothing.
    package init(series: Int = 0, samples: Int = 0) {
        self.series = series
        self.samples = samples
    }
}

/// Where a snapshot is.
package struct SnapshotPlace: Sendable {
    /// Its name.
    package var name: String
    /// Its directory on the daemon's machine.
    package var path: String
    /// The number of the last write in it.
    package var sequence: UInt64

    /// The snapshot of this name in this directory.
    package init(name: String, path: String, sequence: UInt64) {
        self.name = name
        self.path = path
        self.sequence = sequence
    }
}

/// Where alerts are sent to, and where they would be if relabelling had not dropped it.
package struct AlertmanagerAddresses: Sendable {
    /// The URLs that alerts are posted to.
    package var active: [String] = []
    /// Those that were dropped.
    package var dropped: [String] = []

    /// The given addresses.
    package init(active: [String] = [], dropped: [String] = []) {
        self.active = active
        self.dropped = dropped
    }
}

/// What the status routes show about the daemon.
package struct DaemonStatus: Sendable {
    /// When the daemon started.
    package var startTime: Timestamp
    /// What was wrong with rules, retention or configuration when they were read last; nil if nothing was.
    package var configurationError: String?
    /// When the configuration in force was read.
    package var configurationTime: Timestamp
    /// The text of the configuration file; empty if there is none.
    package var configurationText: String
    /// How long samples are kept by default, as text.
    package var retention: String
    /// Whether the last reading of the configuration succeeded.
    package var isConfigurationValid: Bool { configurationError == nil }

    /// A status of the given parts.
    package init(
        startTime: Timestamp,
        configurationError: String?,
        configurationTime: Timestamp,
        configurationText: String,
        retention: String
    ) {
        self.startTime = startTime
        self.configurationError = configurationError
        self.configurationTime = configurationTime
        self.configurationText = configurationText
        self.retention = retention
    }
}
