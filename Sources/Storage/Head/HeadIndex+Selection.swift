import Matching

extension HeadIndex {
    /// A selection that is under way.
    struct Pending {
        /// A matcher that is tried on the values of a label; those found are the values of the series to
        /// keep, or of those to leave out.
        fileprivate struct ByValue {
            let matcher: CompiledMatcher
            let keepsFound: Bool
            let label: Int
            let values: StableBuffer<HeadTexts.Entry>
            var found: [Int] = []
        }

        /// A matcher that is tried on the series found so far.
        fileprivate struct BySeries {
            let matcher: CompiledMatcher
            let matchesMissing: Bool
        }

        /// Keeps what is read without the lock.
        private let index: HeadIndex
        private let labels: StableBuffer<PackedLabels>
        /// Later series are not looked at.
        fileprivate var limit: Int { labels.count }
        /// The series that may satisfy the matchers; nil for all.
        fileprivate var series: [UInt32]?
        fileprivate var byValue: [ByValue] = []
        fileprivate var bySeries: [BySeries] = []

        fileprivate init(_ index: HeadIndex) {
            self.index = index
            labels = index.series
        }

        /// Tries what takes long; needs no lock.
        mutating func evaluate() {
            for part in byValue.indices { byValue[part].evaluate() }
            for part in bySeries { series = series.map { part.matching($0, labels) } }
        }
    }

    /// Begins to look for the series that satisfy all matchers.
    func prepare(_ matchers: [CompiledMatcher]) -> Pending {
        var pending = Pending(self)
        var known: [(matcher: CompiledMatcher, label: Int, values: [Int], seriesCount: Int)] = []
        var others: [(matcher: CompiledMatcher, label: Int)] = []
        for matcher in matchers {
            guard let label = number(of: matcher.matcher.name) else {
                if !matcher.matchesEmpty { pending.series = [] }
                continue
            }
            if !matcher.matchesEmpty, let words = matcher.knownValues {
                let values = words.compactMap { value($0.string, of: label) }
                let seriesCount = values.reduce(0) { $0 + self[label].seriesCount($1, postings) }
                known.append((matcher, label, values, seriesCount))
            } else {
                others.append((matcher, label))
            }
        }
        if pending.series != nil { return pending }
        for part in known.sorted(by: { $0.seriesCount < $1.seriesCount }) {
            if let series = pending.series {
                // Looking at the labels of few series is less than reading a long list.
                if series.count * 8 < part.seriesCount {
                    pending.bySeries.append(Pending.BySeries(part.matcher))
                } else {
                    pending.series = SortedNumbers.intersection(
                        series,
                        union(part.values, of: part.label, pending.limit)
                    )
                }
            } else {
                pending.series = union(part.values, of: part.label, pending.limit)
            }
        }
        for (matcher, label) in others {
            if let series = pending.series, series.count * 2 <= self[label].values.count {
                pending.bySeries.append(Pending.BySeries(matcher))
            } else {
                pending.byValue.append(Pending.ByValue(matcher, label, self[label].values.entries))
            }
        }
        return pending
    }

    /// The series that satisfy the matchers, rising; those added since `prepare` are left out.
    func finish(_ pending: Pending) -> [UInt32] {
        var series = pending.series
        for part in pending.byValue where part.keepsFound {
            if series?.isEmpty == true { break }
            let found = union(part.found, of: part.label, pending.limit)
            series = series.map { SortedNumbers.intersection($0, found) } ?? found
        }
        var remaining = series ?? Array(0..<UInt32(pending.limit))
        for part in pending.byValue where !part.keepsFound {
            if remaining.isEmpty { break }
            remaining = SortedNumbers.subtracting(remaining, union(part.found, of: part.label, pending.limit))
        }
        return remaining
    }

    /// The series that satisfy all matchers, rising; all series if there is no matcher.
    func series(matching matchers: [CompiledMatcher]) -> [UInt32] {
        var pending = prepare(matchers)
        pending.evaluate()
        return finish(pending)
    }

    /// The series below `limit` that have one of these values of a label, rising.
    private func union(_ values: [Int], of label: Int, _ limit: Int) -> [UInt32] {
        let label = self[label]
        let count = values.reduce(0) { $0 + label.seriesCount($1, postings) }
        func forEach(_ body: (UInt32) -> Void) {
            for value in values {
                label.forEachSeries(value, postings) { series in
                    guard series < limit else { return false }
                    body(series)
                    return true
                }
            }
        }
        // A series has one value of a label, so no series comes twice.
        if values.count > 1, count > 64, count > limit / 64 {
            var bits = SeriesBits(limit: limit)
            forEach { bits.insert($0) }
            return bits.numbers
        }
        var series: [UInt32] = []
        series.reserveCapacity(count)
        forEach { series.append($0) }
        if values.count > 1 { series.sort() }
        return series
    }
}

extension HeadIndex.Pending.ByValue {
    fileprivate init(
        _ matcher: CompiledMatcher,
        _ label: Int,
        _ values: StableBuffer<HeadTexts.Entry>
    ) {
        self.matcher = matcher
        self.label = label
        self.values = values
        // Series without the label satisfy the matcher as one does whose value is not found.
        keepsFound = !matcher.matchesEmpty
    }

    fileprivate mutating func evaluate() {
        for value in 0..<values.count {
            // Only where the text is: the rest of the entry may change meanwhile.
            let field = unsafe PackedField(values.pointer(at: value).pointee.field)
            if unsafe matcher.matches(bytes: field.text) == keepsFound { found.append(value) }
        }
    }
}

extension HeadIndex.Pending.BySeries {
    fileprivate init(_ matcher: CompiledMatcher) {
        self.matcher = matcher
        matchesMissing = matcher.matchesEmpty
    }

    /// The series of `series` that satisfy the matcher.
    fileprivate func matching(
        _ series: [UInt32],
        _ labels: StableBuffer<HeadIndex.PackedLabels>
    ) -> [UInt32] {
        var name = matcher.matcher.name
        return name.withUTF8 { name in
            // Series that follow each other often have the same value.
            var last = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
            var matchesLast = false
            return series.filter { series in
                var fields = unsafe PackedFields(labels[Int(series)].bytes)
                guard let value = unsafe fields.value(of: UnsafeRawBufferPointer(name)) else {
                    return matchesMissing
                }
                if unsafe !HeadTexts.isEqual(value.text, last) {
                    unsafe last = value.text
                    matchesLast = unsafe matcher.matches(bytes: value.text)
                }
                return matchesLast
            }
        }
    }
}
