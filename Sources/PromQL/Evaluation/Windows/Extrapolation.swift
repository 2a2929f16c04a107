import Model

/// How far a change between two samples is taken to go on towards both ends of a window.
///
/// Lengths are in seconds.
struct Extrapolation {
    /// The time from the first to the last sample.
    let sampled: Double
    /// How far before the first sample, unless it would have been zero there.
    let toStart: Double
    /// How far behind the last one.
    let toEnd: Double

    /// The extrapolation from the samples of `window`, the first and the last of which are given.
    @inline(__always)
    init(_ window: Window, _ times: Span<Int64>, _ first: Int, _ last: Int) {
        self.init(
            after: window.start,
            through: window.end,
            firstMillis: times[first],
            lastMillis: times[last],
            distanceCount: last - first
        )
    }

    /// The extrapolation to the times behind `start` up to `end` from samples between two times.
    @inline(__always)
    init(after start: Int64, through end: Int64, firstMillis: Int64, lastMillis: Int64, distanceCount: Int) {
        let (toStart, toEnd) = (Double(firstMillis - start) / 1000, Double(end - lastMillis) / 1000)
        sampled = Double(lastMillis - firstMillis) / 1000
        let meanDistance = sampled / Double(distanceCount)
        let threshold = meanDistance * 1.1
        self.toStart = toStart >= threshold ? meanDistance / 2 : toStart
        self.toEnd = toEnd >= threshold ? meanDistance / 2 : toEnd
    }

    /// The factor for a change that began at `start`; also divided by a range's length if that is given.
    @inline(__always)
    func factor(isCounter: Bool, start: Double, change: Double, perSecondOf rangeMillis: Int64?) -> Double {
        var toStart = toStart
        if isCounter, change > 0, start >= 0 {
            let toZero = toZero(from: start, change)
            if toZero < toStart { toStart = toZero }
        }
        return factor(toStart: toStart, perRangeOf: rangeMillis.map(Extrapolation.seconds))
    }

    /// How long before the first sample, which is `start`, a counter with that change would have been zero.
    @inline(__always)
    func toZero(from start: Double, _ change: Double) -> Double { sampled * (start / change) }

    /// The factor if the change goes on for `toStart` before the first sample; also divided by so many
    /// seconds if they are given.
    @inline(__always)
    func factor(toStart: Double, perRangeOf rangeSeconds: Double?) -> Double {
        let factor = (sampled + toStart + toEnd) / sampled
        guard let rangeSeconds else { return factor }
        return factor / rangeSeconds
    }

    /// Milliseconds in seconds, rounded as Go's `Duration.Seconds` does.
    @inline(__always)
    static func seconds(millis: Int64) -> Double {
        Double(millis / 1000) + Double(millis % 1000) * 1e6 / 1e9
    }
}
