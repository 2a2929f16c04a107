import Model

/// The orders of `sort`, `sort_desc`, `sort_by_label` and `sort_by_label_desc`.
enum RowOrder {
    /// The rows of an instant vector by value; NaN comes last either way.
    static func byValue(_ table: StepTable, descending: Bool, _ meter: inout Meter) throws(PromQLError)
        -> [Int]
    {
        try sorted(table.rowCount, &meter, workPerComparison: 1) { left, right in
            let (a, b) = (table.value(left, 0), table.value(right, 0))
            if a.isNaN || b.isNaN { return !a.isNaN && b.isNaN }
            return descending ? a > b : a < b
        }
    }

    /// The rows by the values of the labels `names`, numbers inside of them as numbers, then by all labels.
    static func byLabels(
        _ table: StepTable,
        _ names: [String],
        descending: Bool,
        _ meter: inout Meter
    ) throws(PromQLError) -> [Int] {
        let keys = table.labels.map { labels in names.map { labels[$0] ?? "" } }
        return try sorted(table.rowCount, &meter, workPerComparison: 16) { left, right in
            for (a, b) in zip(keys[left], keys[right]) where !a.utf8.elementsEqual(b.utf8) {
                return NaturalOrder.precedes(a, b) != descending
            }
            let (a, b) = (table.labels[left], table.labels[right])
            return descending ? b < a : a < b
        }
    }

    /// The numbers below `count` sorted by merging, which asks in between whether to go on; equal ones keep
    /// their order.
    private static func sorted(
        _ count: Int,
        _ meter: inout Meter,
        workPerComparison: Int,
        _ precedes: (Int, Int) -> Bool
    ) throws(PromQLError) -> [Int] {
        var order = Array(0..<count)
        var merged = order
        var width = 1
        while width < count {
            var start = 0
            while start < count {
                let middle = min(start + width, count)
                let end = min(middle + width, count)
                try meter.work((end - start) * workPerComparison)
                var (left, right) = (start, middle)
                for position in start..<end {
                    if left < middle, right == end || !precedes(order[right], order[left]) {
                        merged[position] = order[left]
                        left += 1
                    } else {
                        merged[position] = order[right]
                        right += 1
                    }
                }
                start = end
            }
            swap(&order, &merged)
            width *= 2
        }
        return order
    }
}

/// The order in which `cpu2` comes before `cpu10`.
///
/// Source: github.com/facette/natsort, which Prometheus uses.
enum NaturalOrder {
    /// Whether `left` comes before `right`: runs of digits compare as numbers, the rest byte by byte.
    static func precedes(_ left: String, _ right: String) -> Bool {
        let (leftRuns, rightRuns) = (runs(left), runs(right))
        for (a, b) in zip(leftRuns, rightRuns) {
            if let x = number(a), let y = number(b) {
                if x != y { return x < y }
            } else if a != b {
                return a.lexicographicallyPrecedes(b)
            }
        }
        return leftRuns.count <= rightRuns.count
    }

    /// The longest pieces that are all digits or all something else.
    private static func runs(_ text: String) -> [ArraySlice<UInt8>] {
        let bytes = Array(text.utf8)
        var runs: [ArraySlice<UInt8>] = []
        var start = 0
        for index in bytes.indices
        where index + 1 == bytes.count || isDigit(bytes[index]) != isDigit(bytes[index + 1]) {
            runs.append(bytes[start...index])
            start = index + 1
        }
        return runs
    }

    private static func number(_ run: ArraySlice<UInt8>) -> Int? {
        guard let first = run.first, isDigit(first) else { return nil }
        return Int(String(decoding: run, as: UTF8.self))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}
