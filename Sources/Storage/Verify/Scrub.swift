import Dispatch
import Glibc
import Model
import Synchronization

/// Reads all segments and the catalog now and then, slowly, so that damage is found before it is asked for.
final class Scrub: Sendable {
    private struct Schedule {
        var next: ContinuousClock.Instant
        var isUnderWay = false
    }

    /// Where a pass runs.
    let queue = DispatchQueue(label: "sextant.scrub", qos: .background)
    private let every: Duration
    private let schedule: Mutex<Schedule>

    /// Passes as `options` say; the first one does not come at once.
    init(_ options: StoreOptions) {
        every = .milliseconds(options.scrubEveryMillis)
        schedule = Mutex(Schedule(next: .now.advanced(by: .milliseconds(options.scrubDelayMillis))))
    }

    /// Begins a pass if it is time for one.
    func startIfDue(_ pass: @escaping @Sendable () -> Void) {
        let isDue = schedule.withLock { schedule in
            guard !schedule.isUnderWay, ContinuousClock.now >= schedule.next else { return false }
            schedule.isUnderWay = true
            return true
        }
        guard isDue else { return }
        queue.async { [self] in
            pass()
            schedule.withLock { $0 = Schedule(next: .now.advanced(by: every)) }
        }
    }
}

/// Keeps a pass of the scrub from taking more than a tenth of a core and a part of the disk's speed.
struct ScrubPace {
    /// The longest rest without a look at whether the store is being closed.
    private static let slice: Duration = .milliseconds(50)

    private let bytesPerSecond: Int
    private let isClosed: () -> Bool
    private var begin = ContinuousClock.now
    private var byteCount = 0

    /// A pace of `bytesPerSecond`; 0 for as fast as can be.
    init(bytesPerSecond: Int, isClosed: @escaping () -> Bool) {
        self.bytesPerSecond = bytesPerSecond
        self.isClosed = isClosed
    }

    /// Rests as long as is due after `count` bytes more were read.
    mutating func rest(after count: Int) throws(StorageError) {
        if isClosed() { throw .closed }
        byteCount += count
        guard bytesPerSecond > 0 else { return }
        let worked = ContinuousClock.now - begin
        guard worked >= .milliseconds(5) else { return }
        let least = Duration.seconds(Double(byteCount) / Double(bytesPerSecond))
        let end = begin.advanced(by: max(worked * 10, least))
        while ContinuousClock.now < end {
            if isClosed() { throw .closed }
            let rest = min(end - .now, ScrubPace.slice)
            usleep(UInt32(max(1, rest / .microseconds(1))))
        }
        begin = .now
        byteCount = 0
    }
}
