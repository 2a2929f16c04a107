import Model

extension GoText {
    /// A native histogram as Prometheus prints it in labels: its numbers and the buckets that are not empty.
    static func histogram(_ histogram: NativeHistogram) -> String {
        var parts = ["count:\(general(histogram.count))", "sum:\(general(histogram.sum))"]
        for bucket in histogram.buckets where bucket.count != 0 {
            let (open, close) = (bucket.includesLower ? "[" : "(", bucket.includesUpper ? "]" : ")")
            let bounds = "\(general(bucket.lower)),\(general(bucket.upper))"
            parts.append("\(open)\(bounds)\(close):\(general(bucket.count))")
        }
        return "{\(parts.joined(separator: ", "))}"
    }
}
