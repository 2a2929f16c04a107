import Model

extension HeadIndex {
    /// The label names: all, or those that one of these series has; in no particular order.
    func labelNames(of series: [UInt32]?) -> [String] {
        let names = labelNames.map(\.string)
        guard let series else { return names }
        var isFound = [Bool](repeating: false, count: names.count)
        if series.count < seriesCount / 16 {
            for one in series {
                var fields = unsafe PackedFields(self.series[Int(one)].bytes)
                while let (name, _) = fields.next() {
                    if let label = unsafe number(of: name.text) { isFound[label] = true }
                }
            }
        } else {
            let wanted = SeriesBits(series, limit: seriesCount)
            for label in names.indices {
                isFound[label] = (0..<self[label].values.count).contains { has($0, of: label, in: wanted) }
            }
        }
        return names.indices.filter { isFound[$0] }.map { names[$0] }
    }

    /// The values of the label `name`: all, or those that one of these series has; in no particular order.
    func labelValues(of name: String, in series: [UInt32]?) -> [String] {
        guard let label = number(of: name) else { return [] }
        let values = 0..<self[label].values.count
        guard let series else { return values.map { text($0, of: label) } }
        if series.count >= seriesCount / 128 {
            let wanted = SeriesBits(series, limit: seriesCount)
            return values.filter { has($0, of: label, in: wanted) }.map { text($0, of: label) }
        }
        var found = SeriesBits(limit: values.count)
        // Series that follow each other often have the same value.
        var last = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        for one in series {
            var fields = unsafe PackedFields(self.series[Int(one)].bytes)
            guard let value = unsafe fields.value(of: nameText(label)),
                unsafe !HeadTexts.isEqual(value.text, last)
            else { continue }
            unsafe last = value.text
            if let number = unsafe self.value(last, of: label) { found.insert(UInt32(number)) }
        }
        return found.numbers.map { text(Int($0), of: label) }
    }

    /// Whether one of the series in `wanted` has the value.
    private func has(_ value: Int, of label: Int, in wanted: SeriesBits) -> Bool {
        var isFound = false
        self[label].forEachSeries(value, postings) { series in
            isFound = wanted.contains(series)
            return !isFound
        }
        return isFound
    }

    private func text(_ value: Int, of label: Int) -> String {
        unsafe HeadIndex.text(self[label].values.entries[value].text).string
    }
}
