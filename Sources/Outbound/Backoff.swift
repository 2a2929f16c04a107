/// How long to wait before something that failed is tried again.
package struct Backoff: Sendable {
    /// The first wait, in milliseconds.
    package var firstMillis: Int64 = 1000
    /// The longest wait, in milliseconds.
    package var lastMillis: Int64 = 30_000

    /// Waits of one second and then twice as long each time, up to half a minute.
    package init() {}

    /// Waits from `firstMillis` to `lastMillis`.
    init(firstMillis: Int64, lastMillis: Int64) {
        self.firstMillis = firstMillis
        self.lastMillis = lastMillis
    }

    /// The wait after so many failures in a row, from 1, in milliseconds.
    func millis(afterFailures count: Int) -> Int64 {
        let doublings = Int64(min(max(count - 1, 0), 20))
        return min(lastMillis, firstMillis << doublings)
    }
}
