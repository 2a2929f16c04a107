import Model
import Synchronization

/// One selected series: its labels, and what the head had of it at the moment of the selection.
struct StoredSeries: Sendable {
    var id: SeriesID
    var labels: Labels
    /// In the order in which they were written.
    var head: [SampleColumn]
    /// The time before which its samples have expired, in milliseconds; files may still have some.
    var earliestMillis: Int64
}

/// The series of a selection over one snapshot of the store; decodes each when it is read.
///
/// A chunk that cannot be read is left out and told of in `warnings`.
final class StoredSeriesSet: SeriesSet {
    private let series: [StoredSeries]
    private let segments: [Segment]
    private let range: TimeRange
    private let budget: QueryBudget
    private let telemetry: StorageTelemetry
    private let reading: Mutex<Reading>

    private struct Reading {
        var caches: [Segment.Cache]
        var warnings: [String]
        var damagedPaths: Set<String> = []
    }

    init(
        _ series: [StoredSeries],
        _ segments: [Segment],
        _ range: TimeRange,
        _ warnings: [String],
        _ budget: QueryBudget,
        _ telemetry: StorageTelemetry
    ) {
        self.series = series
        self.segments = segments
        self.range = range
        self.budget = budget
        self.telemetry = telemetry
        reading = Mutex(Reading(caches: segments.map { _ in Segment.Cache() }, warnings: warnings))
    }

    var count: Int { series.count }

    var warnings: [String] { reading.withLock { $0.warnings } }

    func labels(at index: Int) -> Labels { series[index].labels }

    func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
        try budget.checkpoint()
        let item = series[index]
        let range = TimeRange(max(range.start, Timestamp(millis: item.earliestMillis)), range.end)
        var result = SampleColumn()
        reading.withLock { reading in
            for (position, segment) in segments.enumerated() {
                let chunks = segment.chunks(of: item.id)
                for chunk in chunks where chunk.range.overlaps(range) {
                    do throws(StorageError) {
                        result = result.merged(with: try segment.read(chunk, &reading.caches[position]))
                    } catch {
                        note(error, segment, &reading)
                    }
                }
            }
        }
        for head in item.head { result = result.merged(with: head) }
        column = result.sliced(to: range)
    }

    private func note(_ error: StorageError, _ segment: Segment, _ reading: inout Reading) {
        guard reading.damagedPaths.insert(segment.path).inserted else { return }
        telemetry.damagedSegments.add()
        telemetry.logger.error("\(error)")
        reading.warnings.append(
            "segment \(segment.record.file) cannot be read in part; samples are missing here"
        )
    }
}
