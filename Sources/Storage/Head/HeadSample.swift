/// A sample as a head keeps it.
struct HeadSample: BitwiseCopyable, Sendable {
    /// The time in milliseconds since the epoch.
    var millis: Int64
    /// The bit pattern of the value.
    var bits: UInt64
}
