import Model

/// When a write counts as durable.
package enum Durability: String, Sendable, CaseIterable {
    /// A write is acknowledged after fdatasync; concurrent writes share one.
    case fsync
    /// A write is acknowledged once the operating system has it; fdatasync follows every second.
    case interval
    /// A write is acknowledged once the operating system has it, which syncs when it likes.
    case os
}

/// How a store works.
///
/// The defaults are those of the daemon.
package struct StoreOptions: Sendable {
    /// When a write counts as durable.
    package var durability = Durability.fsync
    /// How long samples are kept.
    package var retention = RetentionPolicy.keepForever
    /// Whether the store begins with the retention of its last run, until another one is set.
    package var keepsRetention = false
    /// The size from which a log file is followed by a new one, in bytes.
    package var logFileBytes = 64 << 20
    /// The size of all log files from which everything in the head is flushed, in bytes.
    package var logBytes = 1 << 30
    /// What writes leave free on the disk, in bytes; nil for 1 % of it, but 64 MiB at least.
    package var diskReserveBytes: Int?
    /// How long a head takes writes, in milliseconds; it ends at a multiple of that since the epoch.
    package var headMillis: Int64 = 2 * 3_600_000
    /// How long after that a head goes on for late samples, in milliseconds.
    package var flushDelayMillis: Int64 = 10 * 60_000
    /// The memory of a head's samples from which it is flushed, if its series take less, in bytes.
    package var headBytes = 64 << 20
    /// How long writes are refused without a new try after the log could not be written, in milliseconds.
    package var retryMillis = 1000
    /// What series and samples may have; a reload may change it.
    package var limits = LimitsInForce()
    /// Whether segments are merged in the background; `Store.compact` merges in any case.
    package var mergesInBackground = true
    /// How long after the start all segments are checked in the background, in milliseconds.
    package var scrubDelayMillis = 3_600_000
    /// How long after a check the next one begins, in milliseconds.
    package var scrubEveryMillis = 7 * 86_400_000
    /// How much of the segments a check reads at most in a second, in bytes.
    package var scrubBytesPerSecond = 10_000_000
    /// Where it tells how far the reading of the log is.
    package var replay = ReplayProgress()
    /// The file system.
    package var fileSystem: any FileSystem = PosixFileSystem()
    /// The clock: now, in milliseconds since the epoch.
    package var now: @Sendable () -> Timestamp

    /// The defaults, with the given clock.
    package init(now: @escaping @Sendable () -> Timestamp) {
        self.now = now
    }
}
