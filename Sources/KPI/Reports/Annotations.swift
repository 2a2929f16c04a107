import Model
import Synchronization

/// A remark on a point or a span of time, such as why a number moved.
package struct Annotation: Hashable, Sendable, Codable {
    /// Its number, from 1.
    package var id: Int64
    /// When it is about, or where the span begins; milliseconds since the epoch.
    package var time: Int64
    /// Where the span ends.
    package var timeEnd: Int64?
    /// What it says.
    package var text: String
    /// By what it can be found.
    package var tags: [String]
    /// The KPI that it is about; nil if it is about all.
    package var kpi: String?

    /// A remark.
    package init(id: Int64, time: Int64, timeEnd: Int64?, text: String, tags: [String], kpi: String?) {
        self.id = id
        self.time = time
        self.timeEnd = timeEnd
        self.text = text
        self.tags = tags
        self.kpi = kpi
    }
}

/// The remarks, in memory and wherever they are kept.
package final class Annotations: Sendable {
    private let items: Mutex<[Annotation]>
    private let keep: @Sendable (Annotation) throws -> Void

    /// Remarks known already; `keep` is given each new one and returns once it is durable.
    package init(_ known: [Annotation] = [], keep: @escaping @Sendable (Annotation) throws -> Void = { _ in })
    {
        items = Mutex(known)
        self.keep = keep
    }

    /// Adds a remark, whose number does not matter, and answers the number it was given.
    ///
    /// - Throws: What kept it from being kept.
    package func add(_ annotation: Annotation) throws -> Int64 {
        try items.withLock { items in
            var added = annotation
            added.id = (items.map(\.id).max() ?? 0) + 1
            try keep(added)
            items.append(added)
            return added.id
        }
    }

    /// The remarks that overlap the times, have all tags, and are about the KPI or about all; newest first.
    package func find(from: Int64?, to: Int64?, tags: [String], kpi: String?, limit: Int) -> [Annotation] {
        let found = items.withLock { $0 }.filter { item in
            (item.timeEnd ?? item.time) >= from ?? .min && item.time <= to ?? .max
                && tags.allSatisfy { item.tags.contains($0) }
                && (kpi == nil || item.kpi == nil || item.kpi == kpi)
        }
        return Array(found.sorted { ($0.time, $0.id) > ($1.time, $1.id) }.prefix(limit))
    }
}
