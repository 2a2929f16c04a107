import Intake
import Logging
import Model
import Synchronization
import Telemetry

/// The groups that clients pushed, as a Pushgateway keeps them.
///
/// A push is in the archive and in the store when it returns. The values of all groups are stored again at an
/// interval, so that queries go on to see them; a series that a push replaces or a delete removes ends with a
/// staleness marker. Pushes are taken one at a time.
package final class PushGroups: Sendable {
    /// What a push does to the group that is there.
    package enum Mode: Sendable {
        /// All of its metrics go (PUT).
        case replace
        /// Metrics of the same names go (POST).
        case merge
    }

    /// How many samples are stored at once.
    private static let batchSamples = 20_000
    /// How far the clock may go back before times follow it.
    private static let clockStepMillis: Int64 = 60_000

    private let sink: any SampleSink
    private let archive: any PushArchive
    private let registry: Registry
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let telemetry: PushTelemetry
    private let table = Mutex(GroupTable())
    private let lastWrite = Mutex(Timestamp.min)
    private let gate = SerialGate()
    private let limits: LimitsInForce

    /// No groups yet; `load` brings those of the archive.
    ///
    /// - Parameters:
    ///   - sink: Where values are stored.
    ///   - archive: Where groups survive a restart.
    ///   - registry: Where the metrics go; pushed metrics must not contradict those that are there.
    ///   - logger: Is told of what goes wrong without anybody waiting for it.
    ///   - limits: The limits in force.
    ///   - now: The clock.
    package init(
        sink: any SampleSink,
        archive: any PushArchive,
        registry: Registry,
        logger: Logger,
        limits: LimitsInForce = LimitsInForce(),
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.sink = sink
        self.archive = archive
        self.registry = registry
        self.logger = logger
        self.limits = limits
        self.now = now
        telemetry = PushTelemetry(registry)
        registry.collect("sextant_push_groups", help: "Pushed groups.", kind: .gauge) { [weak self] in
            [(.empty, Double(self?.table.withLock { $0.groups.count } ?? 0))]
        }
        registry.collect("sextant_push_series", help: "Series of pushed groups.", kind: .gauge) {
            [weak self] in [(.empty, Double(self?.table.withLock { $0.seriesCount } ?? 0))]
        }
    }

    /// The groups in the order of their keys.
    package var groups: [PushedGroup] {
        table.withLock { $0.groups }.values.sorted { $0.key < $1.key }
    }

    /// Reads the groups of the archive.
    package func load() async throws(SinkError) {
        for record in try await archive.pushRecords() {
            guard let group = PushedGroup(record) else {
                logger.error("a pushed group in the catalog cannot be read; it is left out")
                continue
            }
            table.withLock { $0.set(group) }
        }
    }

    /// Stores all groups again, now and at the interval, until the task is cancelled.
    package func run(intervalMillis: @escaping @Sendable () -> Int64) async {
        while !Task.isCancelled {
            await repeatValues()
            try? await Task.sleep(for: .milliseconds(max(1, intervalMillis())))
        }
    }

    /// Stores the values of all groups again, and ends what still has to be ended.
    package func repeatValues() async {
        await gate.enter()
        defer { gate.leave() }
        let groups = groups
        guard !groups.isEmpty || table.withLock({ !$0.ended.isEmpty }) else { return }
        do throws(PushError) {
            try await store(groups)
        } catch {
            telemetry.failedWrites.add(1)
            logger.warning("pushed groups could not be stored again", metadata: ["error": "\(error)"])
        }
    }

    /// Takes a push.
    ///
    /// - Parameters:
    ///   - path: What stands behind `/metrics/` in the address, its escapes undone.
    ///   - body: Text exposition; an empty one only notes the time of the push, or clears the group.
    ///   - mode: What happens to metrics that are there.
    /// - Throws: Why it is refused or not stored.
    package func push(path: String, body: [UInt8], mode: Mode) async throws(PushError) {
        do throws(PushError) {
            let key = try GroupKey(path: path)
            let exposition: PushedExposition
            do throws(IntakeError) {
                exposition = try PushedExposition(body)
            } catch {
                throw .badBody(error.description)
            }
            await gate.enter()
            defer { gate.leave() }
            try await take(exposition, key, mode)
        } catch {
            telemetry.note("push", error)
            throw error
        }
        telemetry.note("push", nil)
    }

    /// Removes the group that `path` names, if there is one.
    package func delete(path: String) async throws(PushError) {
        do throws(PushError) {
            let key = try GroupKey(path: path)
            await gate.enter()
            defer { gate.leave() }
            try await remove([key])
        } catch {
            telemetry.note("delete", error)
            throw error
        }
        telemetry.note("delete", nil)
    }

    /// Removes all groups.
    package func wipe() async throws(PushError) {
        await gate.enter()
        defer { gate.leave() }
        try await remove(groups.map(\.key))
    }

    // MARK: Inside the gate

    private func take(_ exposition: PushedExposition, _ key: GroupKey, _ mode: Mode) async throws(PushError) {
        let old = table.withLock { $0.groups[key] }
        let most = limits.current.pushGroups
        if old == nil, table.withLock({ $0.groups.count }) >= most {
            throw .tooMany("there are \(most) pushed groups, the limit (push_groups)")
        }
        let time = now()
        var group = old ?? PushedGroup(key)
        let refusal: PushError?
        do throws(PushError) {
            group = try changed(group, by: exposition, mode, at: time)
            group.pushTime = time
            refusal = nil
        } catch {
            guard case .inconsistent = error else { throw error }
            refusal = error
            group.failureTime = time
        }
        do throws(SinkError) { try await archive.save(group.record) } catch { throw .sink(error) }
        table.withLock { $0.set(group) }
        try await store([group])
        if let refusal { throw refusal }
    }

    /// `group` after the push, if that contradicts nothing.
    private func changed(
        _ group: PushedGroup,
        by exposition: PushedExposition,
        _ mode: Mode,
        at time: Timestamp
    ) throws(PushError) -> PushedGroup {
        guard !exposition.hasTimestamps else {
            throw .inconsistent("pushed metrics must not have timestamps")
        }
        var changed = group
        if mode == .replace { changed.families = [:] }
        for var family in exposition.families where !family.samples.isEmpty {
            if family.name == PushedGroup.pushTimeName || family.name == PushedGroup.failureTimeName {
                continue
            }
            for index in family.samples.indices {
                let labels = group.key.applied(to: family.samples[index].labels)
                try check(labels)
                family.samples[index].labels = labels
            }
            changed.families[ByteText(family.name)] = PushedGroup.Family(content: family, time: time)
        }
        let ownKinds = ownKinds
        let (contradiction, seriesCount) = table.withLock { table in
            (
                table.contradiction(changed) { ownKinds[ByteText($0)] },
                table.seriesCount - (table.groups[group.key]?.seriesCount ?? 0) + changed.seriesCount
            )
        }
        if let contradiction { throw .inconsistent(contradiction) }
        let most = limits.current.pushSeries
        guard seriesCount <= most else {
            throw .tooMany(
                "pushed groups would have more series than \(most), the limit (push_series)"
            )
        }
        return changed
    }

    /// What the daemon itself exposes; its own names for what is pushed are no contradiction.
    private var ownKinds: [ByteText: MetricMetadata.Kind] {
        var kinds: [ByteText: MetricMetadata.Kind] = [:]
        for family in registry.metadata() { kinds[ByteText(family.name)] = family.kind }
        return kinds
    }

    private func check(_ labels: Labels) throws(PushError) {
        let limits = limits.current
        var count = 0
        for label in labels {
            count += 1
            if label.name.utf8.count > limits.labelNameBytes {
                throw .badPath(
                    "a label name is longer than \(limits.labelNameBytes) bytes (label_name_bytes)"
                )
            }
            if label.value.utf8.count > limits.labelValueBytes {
                throw .badPath(
                    "the value of label \(label.name) is longer than \(limits.labelValueBytes) bytes "
                        + "(label_value_bytes)"
                )
            }
        }
        if count > limits.labelsPerSeries {
            throw .badPath(
                "\(count) labels are more than the limit of \(limits.labelsPerSeries) (labels_per_series)"
            )
        }
    }

    private func remove(_ keys: [GroupKey]) async throws(PushError) {
        let keys = table.withLock { table in keys.filter { table.groups[$0] != nil } }
        guard !keys.isEmpty else { return }
        do throws(SinkError) {
            try await archive.removePushRecords(labels: keys.map(\.packed))
        } catch {
            throw .sink(error)
        }
        table.withLock { table in
            for key in keys { table.remove(key) }
        }
        try await store([])
    }

    /// Appends the values of `groups` and the ends that are due, a batch at a time.
    private func store(_ groups: [PushedGroup]) async throws(PushError) {
        let time = nextTime()
        let ended = table.withLock { $0.ended }
        var batch = SampleBatch()
        var rejections = Rejections()
        for labels in ended { batch.append(labels, time, StaleMarker.value) }
        for group in groups {
            for family in group.allFamilies.map(\.content) {
                batch.metadata.append(
                    MetricMetadata(name: family.name, kind: family.kind, help: family.help)
                )
                for sample in family.samples { batch.append(sample.labels, time, sample.value) }
            }
            guard batch.sampleCount >= PushGroups.batchSamples else { continue }
            rejections.add(try await append(batch))
            batch = SampleBatch()
        }
        if batch.sampleCount > 0 { rejections.add(try await append(batch)) }
        table.withLock { $0.noteEnded(ended) }
        if rejections.areAllOfLimits { throw .tooMany(rejections.summary) }
        if !rejections.isEmpty { throw .badBody(rejections.summary) }
    }

    private func append(_ batch: SampleBatch) async throws(PushError) -> Rejections {
        do throws(SinkError) {
            let outcome = try await sink.append(batch)
            telemetry.note(outcome)
            return outcome.rejections
        } catch {
            throw .sink(error)
        }
    }

    /// The time for the next samples: never before those that were written, unless the clock was set back.
    private func nextTime() -> Timestamp {
        lastWrite.withLock { last in
            let now = now()
            if now >= last || last.millis - now.millis > PushGroups.clockStepMillis { last = now }
            return last
        }
    }
}
