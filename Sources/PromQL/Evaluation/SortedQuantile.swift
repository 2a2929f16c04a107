/// The φ-quantile of a list of values, interpolated between the two nearest.
///
/// Source: Prometheus `promql/quantile.go`. NaN counts as the smallest value.
enum SortedQuantile {
    /// The quantile of `values`, whose order is lost; φ outside of 0...1 gives an infinity, no values NaN.
    static func of(_ values: inout [Double], _ phi: Double) -> Double {
        guard !values.isEmpty, !phi.isNaN else { return .nan }
        if phi < 0 { return -.infinity }
        if phi > 1 { return .infinity }
        let count = values.count
        values.removeAll(where: \.isNaN)
        let nanCount = count - values.count
        values.sort()
        let rank = phi * Double(count - 1)
        let floor = rank.rounded(.down)
        let lower = Int(floor)
        let upper = min(count - 1, lower + 1)
        guard lower >= nanCount else { return .nan }
        let weight = rank - floor
        return values[lower - nanCount] * (1 - weight) + values[upper - nanCount] * weight
    }
}
