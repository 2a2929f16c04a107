/// What one value of a KPI is about: a span of buckets, or a window.
package struct Frame: Hashable, Sendable {
    /// The ways to span time.
    package enum Span: Hashable, Sendable {
        /// From the first bucket of a period to the last.
        case buckets(Period, first: Bucket, last: Bucket)
        /// A window that ends with a bucket.
        case windowOfBucket(Window, Period, Bucket)
        /// A window on its own that ends at an instant; elapsed ones are widened to 5-minute bounds.
        case window(Window, end: Int64)
    }

    /// How days and periods are cut.
    package let calendar: Calendar
    /// What it spans.
    package let span: Span
    /// From when to when it goes.
    package let range: Bucket

    /// The frame of that span.
    package init(_ span: Span, in calendar: Calendar) {
        self.calendar = calendar
        self.span = span
        switch span {
        case .buckets(_, let first, let last): range = Bucket(start: first.start, end: last.end)
        case .windowOfBucket(let window, _, let bucket):
            range = calendar.range(of: window, endingAt: bucket.end)
        case .window(.elapsed(let millis), let end):
            let grain = ExpressionBuckets.bucketMillis
            range = Bucket(
                start: (end - millis).floored(by: grain) * grain,
                end: -(-end).floored(by: grain) * grain
            )
        case .window(.days(let count), let end):
            // The last date is that of the instant itself.
            range = calendar.range(of: .days(count), endingAt: end + 1)
        }
    }

    /// The frame of one bucket.
    package init(_ period: Period, _ bucket: Bucket, in calendar: Calendar) {
        self.init(.buckets(period, first: bucket, last: bucket), in: calendar)
    }

    /// The frame so many periods (or windows) earlier.
    package func earlier(by count: Int) -> Frame {
        guard count != 0 else { return self }
        switch span {
        case .buckets(let period, let first, let last):
            let moved = calendar.bucket(period, before: first, by: count)
            let end = first == last ? moved : calendar.bucket(period, before: last, by: count)
            return Frame(.buckets(period, first: moved, last: end), in: calendar)
        case .windowOfBucket(let window, let period, let bucket):
            let moved = calendar.bucket(period, before: bucket, by: count)
            return Frame(.windowOfBucket(window, period, moved), in: calendar)
        case .window(.elapsed(let millis), let end):
            return Frame(.window(.elapsed(millis), end: end - Int64(count) * millis), in: calendar)
        case .window(.days(let days), let end):
            var instant = end
            if count > 0 {
                for _ in 0..<count {
                    instant = calendar.range(of: .days(days), endingAt: instant + 1).start - 1
                }
            } else {
                let last = calendar.bucket(.day, containing: end)
                instant = calendar.bucket(.day, before: last, by: count * days).start
            }
            return Frame(.window(.days(days), end: instant), in: calendar)
        }
    }
}
