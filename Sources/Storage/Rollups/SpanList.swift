import Model

/// Stretches of time that do not touch each other, rising: `start...end` in milliseconds.
struct SpanList {
    /// A stretch, both ends included.
    struct Span: Hashable {
        var start: Int64
        var end: Int64
    }

    private(set) var spans: [Span] = []
    /// Where the last look-up ended; the next one is mostly near to it.
    private var hint = 0

    /// Nothing.
    init() {}

    /// Whether it is empty.
    var isEmpty: Bool { spans.isEmpty }

    /// Adds a stretch that begins no earlier than those that it has.
    mutating func append(_ start: Int64, _ end: Int64) {
        if let last = spans.last, start <= last.end {
            spans[spans.count - 1].end = max(last.end, end)
        } else {
            spans.append(Span(start: start, end: end))
        }
    }

    /// The first stretch that ends at `millis` or later; nil if there is none.
    mutating func next(_ millis: Int64) -> Span? {
        if hint < spans.count, spans[hint].end >= millis, hint == 0 || spans[hint - 1].end < millis {
            return spans[hint]
        }
        hint = spans.partitionPoint { $0.end >= millis }
        return hint < spans.count ? spans[hint] : nil
    }

    /// The stretches that more than one of `lists` have a part in, and all of those in `others`.
    static func contested(_ lists: [SpanList], _ others: [SpanList]) -> SpanList {
        var all: [Span] = others.flatMap(\.spans)
        if lists.count > 1 {
            var open: Span?
            for span in lists.flatMap(\.spans).sorted(by: { $0.start < $1.start }) {
                if let before = open, span.start <= before.end {
                    // Those of one list do not touch each other.
                    all.append(Span(start: span.start, end: min(span.end, before.end)))
                }
                if span.end > open?.end ?? .min { open = span }
            }
        }
        all.sort { $0.start < $1.start }
        var result = SpanList()
        for span in all { result.append(span.start, span.end) }
        return result
    }
}
