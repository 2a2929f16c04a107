/// How the bytes of a segment file are shared out; the sum is the file's size.
struct SegmentParts: Hashable, Sendable {
    /// Frames of value columns.
    var values = 0
    /// Frames of timestamp columns.
    var timestamps = 0
    /// What says where everything is: header, directory, footer.
    var directory = 0
    /// The label sets.
    var labels = 0

    /// No bytes.
    init() {}

    /// The parts of a file of `byteCount` bytes whose frames begin at `frameOffsets`; those of
    /// `timestampFrames` hold timestamps.
    init(_ footer: SegmentFooter, _ frameOffsets: [Int], _ timestampFrames: Set<Int>, _ byteCount: Int) {
        for frame in frameOffsets.indices.dropLast() {
            let size = frameOffsets[frame + 1] - frameOffsets[frame]
            if timestampFrames.contains(frame) { timestamps += size } else { values += size }
        }
        labels = footer.labelsByteCount
        directory = byteCount - values - timestamps - labels
    }

    /// The parts by the names that they have on `/metrics`.
    var named: [(name: String, byteCount: Int)] {
        [("values", values), ("timestamps", timestamps), ("directory", directory), ("labels", labels)]
    }
}
