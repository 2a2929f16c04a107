/// One series of a head.
@safe struct HeadEntry: BitwiseCopyable {
    /// A number that stands for no series.
    static let none = UInt32.max

    /// Its packed labels.
    var labels: UnsafeRawPointer
    /// Its newest samples, which are in no run yet.
    var tail: UnsafeMutablePointer<HeadSample>?
    /// The newest run.
    var lastRun: UnsafeRawPointer?
    /// The time of its oldest sample in milliseconds.
    var minMillis = Int64.max
    /// The time of its newest sample in milliseconds.
    var maxMillis = Int64.min
    /// The hash of its labels.
    var hash: UInt64
    /// The number of bytes of its labels.
    var labelByteCount: UInt32
    /// The series that came after it the last time.
    var follower = HeadEntry.none
    /// How a client spells its labels, as an index of the head's list.
    var spelling = HeadEntry.none
    /// The number of its samples, those replaced later counted.
    var sampleCount: UInt32 = 0
    /// How long its samples are kept, as an index of the head's list.
    var retention: UInt16
    /// The number of samples in `tail`.
    var tailCount: UInt8 = 0
    /// How many samples `tail` has room for.
    var tailCapacity: UInt8 = 0
    /// The power of ten that made its values integers last.
    var exponent: UInt8 = 0
    /// Whether some sample was not newer than all before it.
    var isOutOfOrder = false
    /// Whether the log file that is written now explains the series.
    var isInLog = false

    /// A series without samples.
    @unsafe init(labels: UnsafeRawPointer, count: Int, hash: UInt64, retention: UInt16) {
        unsafe self.labels = labels
        labelByteCount = UInt32(truncatingIfNeeded: count)
        self.hash = hash
        self.retention = retention
    }

    /// Its packed labels.
    var packed: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: labels, count: Int(labelByteCount))
    }
}
