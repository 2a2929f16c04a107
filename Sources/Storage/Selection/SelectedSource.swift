import Model

/// What one segment or head has of a selection: its series in label order, each at its place.
struct SelectedSource: Sendable {
    private enum Origin: Sendable {
        case segment(Segment, ordinals: [UInt32])
        case head([HeadSeries])
    }

    private let origin: Origin
    private let labels: SelectedLabels
    /// The times of which samples do not count, by the places of the series that have any.
    private let deleted: [Int: [TimeRange]]
    /// Whether there may be more, behind the last one.
    let isCut: Bool

    /// Series of a segment.
    init(
        _ segment: Segment,
        ordinals: [UInt32],
        _ labels: SelectedLabels,
        deleted: [Int: [TimeRange]] = [:],
        isCut: Bool = false
    ) {
        origin = .segment(segment, ordinals: ordinals)
        self.labels = labels
        self.deleted = deleted
        self.isCut = isCut
    }

    /// Series of a head.
    init(
        heads: [HeadSeries],
        _ labels: [Labels],
        deleted: [Int: [TimeRange]] = [:],
        isCut: Bool = false
    ) {
        origin = .head(heads)
        self.labels = SelectedLabels(labels)
        self.deleted = deleted
        self.isCut = isCut
    }

    /// Nothing.
    static let none = SelectedSource(heads: [], [])

    /// The number of series.
    var count: Int {
        switch origin {
        case .segment(_, let ordinals): ordinals.count
        case .head(let heads): heads.count
        }
    }

    /// The segment and the ordinals of the series, if they are of one and nothing of them is deleted.
    var plainSegment: (segment: Segment, ordinals: [UInt32])? {
        guard case .segment(let segment, let ordinals) = origin, deleted.isEmpty else { return nil }
        return (segment, ordinals)
    }

    /// The labels of a series; `hint` as `SelectedLabels` has it.
    func labels(at place: Int, near hint: inout Int) -> Labels {
        switch origin {
        case .segment(_, let ordinals):
            labels.labels(at: place, ordinal: ordinals[place], near: &hint)
        case .head: labels.labels(at: place, ordinal: 0, near: &hint)
        }
    }

    /// The labels of the last series; nil without any.
    var lastLabels: Labels? {
        var hint = 0
        return count > 0 ? labels(at: count - 1, near: &hint) : nil
    }

    /// Where the samples of a series are.
    func part(at place: Int) -> SeriesPart {
        let deleted = deleted.isEmpty ? [] : deleted[place] ?? []
        switch origin {
        case .segment(let segment, let ordinals):
            return .segment(segment, ordinal: ordinals[place], deleted: deleted)
        case .head(let heads): return .head(heads[place], deleted: deleted)
        }
    }
}
