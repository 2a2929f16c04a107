import Model

/// Keeps or drops some labels of many label sets.
///
/// The names are compared as bytes in the packed form, so that nothing is decoded.
struct LabelFilter {
    private let names: [[UInt8]]
    private let keeps: Bool

    /// A filter that keeps only the labels `names`.
    static func keeping(_ names: [String]) -> LabelFilter {
        LabelFilter(names: names.map { Array($0.utf8) }, keeps: true)
    }

    /// A filter that drops the labels `names`.
    static func dropping(_ names: [String]) -> LabelFilter {
        LabelFilter(names: names.map { Array($0.utf8) }, keeps: false)
    }

    /// Drops the labels that say what a metric is; they go when an operation makes something else of it.
    static let droppingIdentity = LabelFilter.dropping([Labels.metricName, "__type__", "__unit__"])

    /// Whether it leaves no label, whatever the labels.
    var keepsNothing: Bool { keeps && names.isEmpty }

    /// `labels` as the filter leaves them.
    func apply(to labels: Labels) -> Labels {
        if names.isEmpty { return keeps ? .empty : labels }
        let bytes = labels.packed
        var kept: [UInt8] = []
        // What is kept is copied in runs of neighbouring labels.
        var runStart = 0
        var position = 0
        while true {
            let start = position
            guard let (name, _) = labels.next(at: &position) else { break }
            if isNamed(bytes, name) == keeps { continue }
            if runStart < start { kept.append(contentsOf: bytes[runStart..<start]) }
            runStart = position
        }
        if runStart == 0 { return labels }
        if runStart < bytes.count { kept.append(contentsOf: bytes[runStart...]) }
        return Labels(trusted: kept)
    }

    @inline(__always)
    private func isNamed(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        for name in names where name.count == range.count {
            var index = 0
            while index < name.count, name[index] == bytes[range.lowerBound + index] { index += 1 }
            if index == name.count { return true }
        }
        return false
    }
}
