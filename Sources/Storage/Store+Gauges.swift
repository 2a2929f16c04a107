import Model
import Telemetry

extension Store {
    /// Shows on `/metrics` what the store holds.
    func registerGauges(_ registry: Registry) {
        func gauge(_ name: String, _ help: String, _ read: @escaping @Sendable (Store) -> Double) {
            registry.collect(name, help: help, kind: .gauge) { [weak self] in
                self.map { [(.empty, read($0))] } ?? []
            }
        }
        gauge("sextant_series", "Active series: written since the head before the present one began.") {
            store in
            Double(store.state.withLock { $0.head.activeSeriesCount })
        }
        gauge("sextant_head_series", "Series in heads, those on their way into segments counted.") { store in
            Double(
                store.state.withLock { $0.frozen.reduce($0.head.seriesCount) { $0 + $1.head.seriesCount } }
            )
        }
        gauge("sextant_head_samples", "Samples in heads that no flush has taken yet.") { store in
            Double(store.state.withLock { $0.headSampleCount })
        }
        gauge("sextant_head_bytes", "Memory of the heads.") { store in
            Double(store.state.withLock { $0.frozen.reduce($0.head.byteCount) { $0 + $1.head.byteCount } })
        }
        gauge("sextant_segments", "Segment files.") { store in
            Double(store.state.withLock { $0.segments.count })
        }
        gauge("sextant_segments_bytes", "Size of all segment files.") { store in
            Double(store.state.withLock { $0.segments.reduce(0) { $0 + $1.record.byteCount } })
        }
        gauge("sextant_segments_samples", "Samples in all segment files.") { store in
            Double(store.state.withLock { $0.segments.reduce(0) { $0 + $1.record.sampleCount } })
        }
        gauge("sextant_tombstones", "Deletes in force of which samples may still lie in files.") { store in
            Double(store.state.withLock { $0.tombstones.all.count })
        }
        gauge("sextant_tombstone_segments", "Segments that have to be looked through for deletes.") { store in
            Double(store.waitingSegmentCount)
        }
        gauge("sextant_log_size_bytes", "Size of the write-ahead log's files.") { store in
            Double(store.log.diskByteCount)
        }
        registry.collect(
            "sextant_segment_bytes",
            help: "Bytes of the segment files by what they hold: the label part.",
            kind: .gauge
        ) { [weak self] in
            var bytes: [String: Int] = [:]
            for segment in self?.state.withLock({ $0.segments }) ?? [] {
                for part in segment.parts.named { bytes[part.name, default: 0] += part.byteCount }
            }
            return SegmentParts().named.map { (Labels(["part": $0.name]), Double(bytes[$0.name] ?? 0)) }
        }
        registry.collect(
            "sextant_segment_level_bytes",
            help: "Bytes of the segment files by level: 0 flushed, 1 merged by day, 2 by 8, 3 by 32 days.",
            kind: .gauge
        ) { [weak self] in
            var bytes = [0, 0, 0, 0]
            for segment in self?.state.withLock({ $0.segments }) ?? [] {
                bytes[min(max(0, segment.record.level), 3)] += segment.record.byteCount
            }
            return bytes.enumerated().map { (Labels(["level": "\($0.offset)"]), Double($0.element)) }
        }
        gauge("sextant_quarantine_files", "Damaged files in the folder quarantine.") { store in
            do throws(FileError) {
                let names = try Quarantine(of: store.directory, store.options.fileSystem).names()
                return Double(names.count)
            } catch {
                return .nan
            }
        }
        let durability = options.durability
        registry.collect(
            "sextant_durability_info",
            help: "When a write is acknowledged: the label mode.",
            kind: .gauge
        ) { [(Labels(["mode": durability.rawValue]), 1)] }
        registerCache(registry)
        registerColumns(registry)
    }

    // MARK: - Private

    private func registerCache(_ registry: Registry) {
        func collect(
            _ name: String,
            _ help: String,
            _ kind: MetricMetadata.Kind,
            _ read: @escaping @Sendable (FrameCache) -> Int
        ) {
            registry.collect(name, help: help, kind: kind) { [weak self] in
                self.map { [(.empty, Double(read($0.segmentFiles.cache)))] } ?? []
            }
        }
        collect("sextant_segment_cache_bytes", "Memory of decoded parts of segments that are kept.", .gauge) {
            $0.figures.byteCount
        }
        collect("sextant_segment_cache_limit_bytes", "The most that the cache of segments keeps.", .gauge) {
            $0.capacity
        }
        collect("sextant_segment_cache_entries", "Decoded parts of segments that are kept.", .gauge) {
            $0.figures.count
        }
        collect("sextant_segment_cache_hits_total", "Parts of segments that the cache had.", .counter) {
            $0.figures.hitCount
        }
        collect("sextant_segment_cache_misses_total", "Parts of segments that had to be read.", .counter) {
            $0.figures.missCount
        }
    }

    private func registerColumns(_ registry: Registry) {
        func collect(
            _ name: String,
            _ help: String,
            _ kind: MetricMetadata.Kind,
            _ read: @escaping @Sendable (SegmentFiles) -> Int
        ) {
            registry.collect(name, help: help, kind: kind) { [weak self] in
                self.map { [(.empty, Double(read($0.segmentFiles)))] } ?? []
            }
        }
        collect("sextant_column_cache_bytes", "Memory of decoded columns kept for queries.", .gauge) {
            $0.columnFigures.byteCount
        }
        collect("sextant_column_cache_hits_total", "Columns of chunks that were kept decoded.", .counter) {
            $0.columnFigures.hitCount
        }
        collect("sextant_column_cache_misses_total", "Columns of chunks that had to be decoded.", .counter) {
            $0.columnFigures.missCount
        }
    }
}
