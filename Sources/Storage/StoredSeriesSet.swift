import Model
import Synchronization

/// The series of a selection over one snapshot of the store; decodes each when it is read.
///
/// A chunk that cannot be read is left out and told of in `warnings`.
final class StoredSeriesSet: SeriesSet {
    private let series: [StoredSeries]
    private let range: TimeRange
    private let budget: QueryBudget
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
        _ budget: QueryBudget
    ) {
        self.series = series
        self.range = range
        self.budget = budget
        reading = Mutex(Reading(warnings: warnings))
    }

    var count: Int { series.count }

    var warnings: [String] { reading.withLock { $0.warnings } }

    func labels(at index: Int) -> Labels { series[index].labels }

    func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
        try budget.checkpoint()
        let item = series[index]
        column.removeAll()
        let start = max(range.start, Timestamp(millis: item.earliestMillis))
        guard start <= range.end else { return }
        let range = TimeRange(start, range.end)
        if item.parts.count == 1, case .head(let head, let deleted) = item.parts[0] {
            column = head.column(in: range).without(deleted)
            return
        }
        var result = SampleColumn()
        reading.withLock { reading in
            for part in item.parts {
                switch part {
                case .head(let head, let deleted):
                    result.merge(head.column(in: range).without(deleted))
                case .segment(let segment, let ordinal, let deleted):
                    result.merge(samples(of: segment, ordinal, range, &reading).without(deleted))
                }
            }
        }
        column = result
    }

    private func samples(
        of segment: Segment,
        _ ordinal: UInt32,
        _ range: TimeRange,
        _ reading: inout Reading
    ) -> SampleColumn {
        var reader = reading.readers.removeValue(forKey: segment.identity) ?? Segment.Reader()
        defer { reading.readers[segment.identity] = reader }
        var samples = SampleColumn()
        do throws(StorageError) {
            samples = try segment.read(ordinal, in: range, &reader)
        } catch {
            reader.damages.append(error)
        }
        for error in reader.damages { note(error, segment, &reading) }
        reader.damages = []
        return samples
    }

    private func note(_ error: StorageError, _ segment: Segment, _ reading: inout Reading) {
        let text = Store.warning(about: segment)
        guard !reading.warnings.contains(text) else { return }
        reading.warnings.append(text)
        segment.note(error)
    }
}
