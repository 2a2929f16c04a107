import Model

/// The manifest's row about one segment file.
///
/// All of it stands in the segment's footer as well, so a lost catalog can be made again from the files.
package struct SegmentRecord: Hashable, Sendable {
    /// The file's name inside the segments folder.
    package var file: String
    /// The number of the last write that the segment's windows contain; of equal samples the higher sequence
    /// wins.
    package var sequence: UInt64
    /// The start of the first window and the last millisecond of the last one.
    package var range: TimeRange
    /// How long its samples were to be kept when it was written, in milliseconds; nil for ever.
    package var retentionMillis: Int64?
    /// The number of series.
    package var seriesCount: Int
    /// The number of samples.
    package var sampleCount: Int
    /// The size of the file.
    package var byteCount: Int
    /// How often its samples were merged: 0 for a flush, 1, 2, 3 for a day, 8 days, 32 days.
    package var level: Int

    /// The row of the segment in `file`.
    package init(
        file: String,
        sequence: UInt64,
        range: TimeRange,
        retentionMillis: Int64?,
        seriesCount: Int,
        sampleCount: Int,
        byteCount: Int,
        level: Int = 0
    ) {
        self.file = file
        self.sequence = sequence
        self.range = range
        self.retentionMillis = retentionMillis
        self.seriesCount = seriesCount
        self.sampleCount = sampleCount
        self.byteCount = byteCount
        self.level = level
    }
}
