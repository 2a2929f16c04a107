import Model
import Synchronization

/// One selected series: its labels, and what the head had of it at the moment of the selection.
struct StoredSeries: Sendable {
    var id: SeriesID
    var labels: Labels
    /// In the order in which they were written.
    var head: [SampleColumn]
    /// Where it is in segments, in the order of their sequence.
    var places: [SegmentSeries]
    /// The time before which its samples have expired, in milliseconds; files may still have some.
    var earliestMillis: Int64
}

/// The series of a selection over one snapshot of the store; decodes each when it is read.
///
/// A chunk that cannot be read is left out and told of in `warnings`.
final class StoredSeriesSet: SeriesSet {
    private let series: [StoredSeries]
    private let range: TimeRange
    private let budget: QueryBudget
    private let telemetry: StorageTelemetry
    private let reading: Mutex<Reading>

    private struct Reading {
        /// By the segments' identities.
        var readers: [UInt64: Segment.Reader] = [:]
        var warnings: [String]
    }

    init(
        _ series: [StoredSeries],
        _ range: TimeRange,
        _ warnings: [String],
        _ budget: QueryBudget,
        _ telemetry: StorageTelemetry
    ) {
        self.series = series
        self.range = range
        self.budget = budget
        self.telemetry = telemetry
        reading = Mutex(Reading(warnings: warnings))
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
            for place in item.places {
                let identity = place.segment.identity
                var reader = reading.readers[identity] ?? Segment.Reader()
                reading.readers[identity] = nil
                do throws(StorageError) {
                    let samples = try place.segment.read(place.ordinal, in: range, &reader)
                    result = result.merged(with: samples)
                } catch {
                    reader.damages.append(error)
                }
                for error in reader.damages { note(error, place.segment, &reading) }
                reader.damages = []
                reading.readers[identity] = reader
            }
        }
        for head in item.head { result = result.merged(with: head) }
        column = result.sliced(to: range)
    }

    /// What a reader is told of a segment that cannot be read in part.
    static func warning(about segment: Segment) -> String {
        "segment \(segment.record.file) cannot be read in part; samples are missing here"
    }

    private func note(_ error: StorageError, _ segment: Segment, _ reading: inout Reading) {
        let text = StoredSeriesSet.warning(about: segment)
        guard !reading.warnings.contains(text) else { return }
        reading.warnings.append(text)
        segment.note(error)
    }
}
