import Model

/// The samples of one series in one window, as they came.
struct HeadColumn: Sendable {
    private var column = SampleColumn()
    private var isSorted = true

    /// How a sample relates to those before it.
    enum Placement {
        case atEnd
        case overwritesLast
        case outOfOrder
    }

    /// The number of samples, those counted that a later one replaces.
    var count: Int { column.count }

    /// Adds a sample; of equal times the later one counts.
    mutating func append(millis: Int64, value: Double) -> Placement {
        guard let last = column.timestamps.last, millis <= last else {
            column.append(millis: millis, value: value)
            return .atEnd
        }
        if millis == last {
            column.values[column.count - 1] = value
            return .overwritesLast
        }
        column.append(millis: millis, value: value)
        isSorted = false
        return .outOfOrder
    }

    /// Puts the samples in order and drops those that later ones replace.
    mutating func sort() {
        guard !isSorted else { return }
        // Stable: of equal times the one that came last stays last.
        let order = column.timestamps.indices.sorted {
            (column.timestamps[$0], $0) < (column.timestamps[$1], $1)
        }
        var sorted = SampleColumn()
        sorted.timestamps.reserveCapacity(order.count)
        sorted.values.reserveCapacity(order.count)
        for index in order { sorted.appendOrReplace(column.timestamps[index], column.values[index]) }
        column = sorted
        isSorted = true
    }

    /// The samples in order, each time once.
    func sorted() -> SampleColumn {
        guard !isSorted else { return column }
        var copy = self
        copy.sort()
        return copy.column
    }
}

extension SampleColumn {
    /// Adds a sample that is not older than the last, which it replaces if it has the same time.
    mutating func appendOrReplace(_ millis: Int64, _ value: Double) {
        if timestamps.last == millis {
            values[count - 1] = value
        } else {
            append(millis: millis, value: value)
        }
    }

    /// This column with `newer` put in; of equal times the sample of `newer` counts.
    ///
    /// Both are in order.
    func merged(with newer: SampleColumn) -> SampleColumn {
        guard let last = timestamps.last, let first = newer.timestamps.first else {
            return isEmpty ? newer : self
        }
        var result = self
        if first > last {
            result.timestamps.append(contentsOf: newer.timestamps)
            result.values.append(contentsOf: newer.values)
            return result
        }
        result.removeAll()
        var (left, right) = (0, 0)
        while left < count || right < newer.count {
            if right == newer.count || (left < count && timestamps[left] < newer.timestamps[right]) {
                result.append(millis: timestamps[left], value: values[left])
                left += 1
            } else {
                if left < count && timestamps[left] == newer.timestamps[right] { left += 1 }
                result.append(millis: newer.timestamps[right], value: newer.values[right])
                right += 1
            }
        }
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
        return SampleColumn(timestamps: Array(timestamps[from..<to]), values: Array(values[from..<to]))
    }
}

extension Array {
    /// The index of the first element for which `isBehind` is true, in a list where it stays true once it is.
    func partitionPoint(_ isBehind: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
