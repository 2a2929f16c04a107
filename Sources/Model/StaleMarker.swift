/// The NaN that says "this series ended here", and the one that ordinary computation yields.
///
/// Source: Prometheus `model/value`. Compare bit patterns only: moving a signalling NaN through a
/// conversion may quieten it.
public enum StaleMarker {
    /// The bit pattern of a staleness marker.
    public static let bitPattern: UInt64 = 0x7ff0_0000_0000_0002
    /// A staleness marker.
    public static let value = Double(bitPattern: bitPattern)
    /// The bit pattern Prometheus writes for a NaN that is a value.
    public static let ordinaryNaNBitPattern: UInt64 = 0x7ff8_0000_0000_0001

    /// Whether `value` is a staleness marker (and not some other NaN).
    @inlinable
    public static func matches(_ value: Double) -> Bool {
        value.bitPattern == 0x7ff0_0000_0000_0002
    }
}
