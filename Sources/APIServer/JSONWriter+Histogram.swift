import Model
import PromQL

extension JSONWriter {
    /// A native histogram at a time, as Prometheus's API shows it: count, sum, and the buckets that are not
    /// empty, each with a code for which of its bounds belong to it.
    mutating func sample(_ time: Timestamp, _ histogram: NativeHistogram) {
        beginArray()
        seconds(time)
        beginObject()
        key("count")
        valueString(histogram.count)
        key("sum")
        valueString(histogram.sum)
        let buckets = histogram.buckets.filter { $0.count != 0 }
        if !buckets.isEmpty {
            key("buckets")
            beginArray()
            for bucket in buckets {
                beginArray()
                integer(JSONWriter.code(bucket))
                valueString(bucket.lower)
                valueString(bucket.upper)
                valueString(bucket.count)
                endArray()
            }
            endArray()
        }
        endObject()
        endArray()
    }

    private static func code(_ bucket: HistogramBucket) -> Int64 {
        switch (bucket.includesLower, bucket.includesUpper) {
        case (false, true): 0
        case (true, false): 1
        case (false, false): 2
        case (true, true): 3
        }
    }
}
