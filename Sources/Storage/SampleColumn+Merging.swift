import Model

extension SampleColumn {
    /// Adds samples of another column at the end.
    mutating func append(_ other: SampleColumn, _ indices: Range<Int>) {
        if !other.histograms.isEmpty {
            histograms.append(other.histograms, in: indices, movedBy: count - indices.lowerBound)
        }
        timestamps.append(contentsOf: other.timestamps[indices])
        values.append(contentsOf: other.values[indices])
    }

    /// Adds a sample that is not older than the last, which it replaces if it has the same time.
    mutating func appendOrReplace(_ millis: Int64, _ value: Double) {
        if timestamps.last == millis {
            values[count - 1] = value
        } else {
            append(millis: millis, value: value)
        }
    }

    /// Puts `newer` in; of equal times the sample of `newer` counts.
    ///
    /// Both are in order.
    mutating func merge(_ newer: SampleColumn) {
        guard let last = timestamps.last, let first = newer.timestamps.first else {
            if isEmpty { self = newer }
            return
        }
        if first > last { return append(newer, newer.timestamps.indices) }
        let hasHistograms = !histograms.isEmpty || !newer.histograms.isEmpty
        var result = SampleColumn()
        result.timestamps.reserveCapacity(count + newer.count)
        result.values.reserveCapacity(count + newer.count)
        var (left, right) = (0, 0)
        while left < count || right < newer.count {
            if right == newer.count || (left < count && timestamps[left] < newer.timestamps[right]) {
                if hasHistograms {
                    result.append(self, left..<left + 1)
                } else {
                    result.append(millis: timestamps[left], value: values[left])
                }
                left += 1
            } else {
                if left < count && timestamps[left] == newer.timestamps[right] { left += 1 }
                if hasHistograms {
                    result.append(newer, right..<right + 1)
                } else {
                    result.append(millis: newer.timestamps[right], value: newer.values[right])
                }
                right += 1
            }
        }
        self = result
    }

    /// This column with `newer` put in, as `merge` does.
    func merged(with newer: SampleColumn) -> SampleColumn {
        var result = self
        result.merge(newer)
        return result
    }

    /// The samples inside `range`.
    ///
    /// The column is in order.
    func sliced(to range: TimeRange) -> SampleColumn {
        guard let first = timestamps.first, let last = timestamps.last else { return self }
        if range.start.millis <= first && last <= range.end.millis { return self }
        let from = timestamps.partitionPoint { $0 >= range.start.millis }
        let to = timestamps.partitionPoint { $0 > range.end.millis }
        guard from < to else { return SampleColumn() }
        return part(from..<to)
    }

    /// Whether three quarters of the samples or more are inside `range`.
    ///
    /// The column is in order.
    func isMostly(in range: TimeRange) -> Bool {
        let from = timestamps.partitionPoint { $0 >= range.start.millis }
        let to = timestamps.partitionPoint { $0 > range.end.millis }
        return to - from >= count - count / 4
    }

    /// The samples at `positions`.
    func part(_ positions: Range<Int>) -> SampleColumn {
        var part = SampleColumn(
            timestamps: Array(timestamps[positions]),
            values: Array(values[positions])
        )
        if !histograms.isEmpty {
            part.histograms.append(histograms, in: positions, movedBy: -positions.lowerBound)
        }
        return part
    }
}

extension RandomAccessCollection where Index == Int {
    /// The index of the first element for which `isBehind` is true, in a list where it stays true once it is.
    @inline(__always)
    func partitionPoint(_ isBehind: (Element) -> Bool) -> Int {
        var low = startIndex
        var high = endIndex
        while low < high {
            let middle = (low + high) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
