/// How the bytes of a segment file are shared out; the sum is the file's size.
struct SegmentParts: Hashable, Sendable {
    /// Frames of value columns.
    var values = 0
    /// Frames of timestamp columns.
    var timestamps = 0
    /// What says where everything is: header, directories, block table, summary, footer.
    var directory = 0
    /// The label sets and the index over them.
    var labels = 0

    /// No bytes.
    init() {}

    /// The parts of a file of `byteCount` bytes.
    init(_ summary: SegmentSummary, _ byteCount: Int) {
        values = summary.valuesByteCount
        timestamps = summary.timestampsByteCount
        labels = summary.labelsByteCount
        directory = byteCount - values - timestamps - labels
    }

    /// The parts by the names that they have on `/metrics`.
    var named: [(name: String, byteCount: Int)] {
        [("values", values), ("timestamps", timestamps), ("directory", directory), ("labels", labels)]
    }
}
