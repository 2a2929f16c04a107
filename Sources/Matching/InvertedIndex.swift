import Model

/// From label names and values to the series that have them; answers which series satisfy a set of matchers.
///
/// A list of series ids per name and value rises strictly. Ids are given in rising order, so adding a series
/// appends; an id that comes late is put in its place. Label names and values are kept once each.
package struct InvertedIndex: Sendable {
    /// One label name: its values, each with the series that have it.
    private struct Name: Sendable {
        var values: [ByteText: [SeriesID]] = [:]
    }

    private var names: [ByteText: Name] = [:]
    private var all: [SeriesID] = []

    /// An index without series.
    package init() {}

    /// The number of series.
    package var seriesCount: Int { all.count }
    /// All series, ids rising.
    package var allSeries: [SeriesID] { all }
    /// All label names, in no particular order.
    package var labelNames: some Collection<ByteText> { names.keys }

    /// All values of the label `name` with their series, in no particular order.
    package func values(of name: String) -> [ByteText: [SeriesID]] {
        names[ByteText(name)]?.values ?? [:]
    }

    /// Adds the series `id`, which must not be in the index, with its labels.
    package mutating func add(_ id: SeriesID, _ labels: Labels) {
        SortedIDs.insert(id, into: &all)
        for label in labels {
            let (name, value) = (ByteText(label.name), ByteText(label.value))
            SortedIDs.insert(id, into: &names[name, default: Name()].values[value, default: []])
        }
    }

    /// Removes series that are in the index; `labels` tells the labels of each.
    package mutating func remove(_ removed: [SeriesID: Labels]) {
        guard !removed.isEmpty else { return }
        var touched: [ByteText: Set<ByteText>] = [:]
        for labels in removed.values {
            for label in labels { touched[ByteText(label.name), default: []].insert(ByteText(label.value)) }
        }
        all.removeAll { removed[$0] != nil }
        for (name, values) in touched {
            for value in values {
                names[name]?.values[value]?.removeAll { removed[$0] != nil }
                if names[name]?.values[value]?.isEmpty == true { names[name]?.values[value] = nil }
            }
            if names[name]?.values.isEmpty == true { names[name] = nil }
        }
    }

    /// The series that satisfy all matchers, ids rising; all series if there is no matcher.
    package func series(matching matchers: [CompiledMatcher]) -> [SeriesID] {
        var result: [SeriesID]?
        // Matchers that need the label pick series; the others, looked at afterwards, only take some away.
        let picking = matchers.filter { !$0.matchesEmpty }
        let removing = matchers.filter { $0.matchesEmpty }
        for matcher in picking.sorted(by: {
            ($0.knownValues?.count ?? .max) < ($1.knownValues?.count ?? .max)
        }) {
            let found = series(withLabelOf: matcher) { $0 }
            result = result.map { SortedIDs.intersection($0, found) } ?? found
            if result?.isEmpty == true { return [] }
        }
        var remaining = result ?? all
        for matcher in removing {
            let excluded = series(withLabelOf: matcher) { !$0 }
            remaining = SortedIDs.subtracting(remaining, excluded)
        }
        return remaining
    }

    /// The series that have the matcher's label with a value for which `isWanted` is true of "it matches".
    private func series(withLabelOf matcher: CompiledMatcher, _ isWanted: (Bool) -> Bool) -> [SeriesID] {
        guard let values = names[ByteText(matcher.matcher.name)]?.values else { return [] }
        if let known = matcher.knownValues, isWanted(true) {
            return SortedIDs.union(known.compactMap { values[$0] })
        }
        var lists: [[SeriesID]] = []
        for (value, list) in values where isWanted(matcher.matches(value.string)) { lists.append(list) }
        return SortedIDs.union(lists)
    }
}
