import Model

extension Segment {
    /// Whether its samples are put together before those of `other`: later writes win.
    ///
    /// Segments of one flush have one number and no sample in common; in the order of their times they are
    /// put together without looking at each sample.
    func isRead(before other: Segment) -> Bool {
        let (mine, theirs) = (record, other.record)
        return (mine.sequence, mine.range.start.millis, mine.file)
            < (theirs.sequence, theirs.range.start.millis, theirs.file)
    }
}
