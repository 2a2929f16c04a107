import Model

/// Joins what segments and heads found, by labels.
enum SeriesMerge {
    /// Where a series is found: the number of a source, and its place there.
    struct Place: Hashable, Sendable {
        var source: UInt32
        var place: UInt32
    }

    /// Calls `body` with the labels of each series of all `sources`, in label order, and with its places in
    /// the order of `sources`; ends early once `isOver`, which is asked from time to time.
    static func run(
        _ sources: [SelectedSource],
        isOver: () -> Bool = { false },
        _ body: (Labels, [Place]) -> Void
    ) {
        var cursors = sources.indices.map { Cursor(sources[$0], number: $0) }.filter { $0.labels != nil }
        var members: [Int] = []
        var places: [Place] = []
        var count = 0
        while let first = cursors.first?.labels {
            count += 1
            if count % 1024 == 0, isOver() { return }
            var least = first
            members = [0]
            for index in cursors.indices.dropFirst() {
                guard let labels = cursors[index].labels else { continue }
                if labels == least {
                    members.append(index)
                } else if labels < least {
                    least = labels
                    members = [index]
                }
            }
            places.removeAll(keepingCapacity: true)
            for index in members { places.append(cursors[index].here) }
            body(least, places)
            var isAnyOver = false
            for index in members {
                cursors[index].advance()
                if cursors[index].labels == nil { isAnyOver = true }
            }
            if isAnyOver { cursors.removeAll { $0.labels == nil } }
        }
    }

    /// Goes through the series of a source.
    private struct Cursor {
        private let source: SelectedSource
        private let count: Int
        private var hint = 0
        private(set) var here: Place
        /// The labels of the series that it stands at; nil behind the last one.
        private(set) var labels: Labels?

        init(_ source: SelectedSource, number: Int) {
            self.source = source
            count = source.count
            here = Place(source: UInt32(number), place: 0)
            if count > 0 { labels = source.labels(at: 0, near: &hint) }
        }

        mutating func advance() {
            here.place += 1
            labels = here.place < count ? source.labels(at: Int(here.place), near: &hint) : nil
        }
    }
}
