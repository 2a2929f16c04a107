import Model

/// Finds what somebody may have meant.
package enum Suggestion {
    /// The longest texts that are compared, in characters.
    private static let lengthLimit = 64

    /// The name that needs the fewest changes to become `name`; of equals the first, nil without names.
    package static func nearest(to name: String, among names: [String]) -> String? {
        let wanted = Array(name.lowercased().unicodeScalars.prefix(lengthLimit))
        var best: (name: String, distance: Int)?
        for candidate in names {
            let other = Array(candidate.lowercased().unicodeScalars.prefix(lengthLimit))
            if let best, abs(wanted.count - other.count) >= best.distance { continue }
            let distance = distance(wanted, other)
            if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
        }
        return best?.name
    }

    /// `; the nearest is ...`, or nothing.
    package static func text(for name: String, among names: [String]) -> String {
        nearest(to: name, among: names).map { "; the nearest is \(LabelText.quoted($0))" } ?? ""
    }

    /// The number of insertions, deletions, replacements and swaps of neighbours.
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, scalar) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(
                    last[column + 1] + 1,
                    current[column] + 1,
                    last[column] + (scalar == other ? 0 : 1)
                )
                if row > 0, column > 0, scalar == right[column - 1], left[row - 1] == other {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
