/// A length of the buckets that samples are rolled up into: UTC stretches that begin at multiples of it.
public enum RollupLevel: Int, Hashable, Comparable, CaseIterable, Sendable {
    /// Buckets of five minutes.
    case fiveMinutes
    /// Buckets of an hour.
    case hour
    /// Buckets of a day of UTC.
    case day

    /// The length of a bucket in milliseconds; each divides the next.
    public var millis: Int64 {
        switch self {
        case .fiveMinutes: 300_000
        case .hour: 3_600_000
        case .day: 86_400_000
        }
    }

    /// Its name in `retention.yaml`, in warnings and in statistics.
    public var name: String {
        switch self {
        case .fiveMinutes: "5m"
        case .hour: "1h"
        case .day: "1d"
        }
    }

    /// The level of this name; nil if there is none.
    public init?(name: String) {
        guard let level = RollupLevel.allCases.first(where: { $0.name == name }) else { return nil }
        self = level
    }

    /// Finer levels first.
    public static func < (left: RollupLevel, right: RollupLevel) -> Bool { left.rawValue < right.rawValue }
}
