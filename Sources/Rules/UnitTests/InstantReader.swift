import Foundation
import Model

/// Reads points in time in files.
enum InstantReader {
    /// The time that `text` is: seconds since 1970, or RFC 3339; nil if it is neither.
    static func parse(_ text: String) -> Timestamp? {
        let seconds: Double
        if let number = ValueText.parse(text) {
            seconds = number
        } else if let date = try? Date(text, strategy: .iso8601) {
            seconds = date.timeIntervalSince1970
        } else {
            return nil
        }
        guard seconds.isFinite, seconds.magnitude < 1e14 else { return nil }
        return Timestamp(millis: Int64((seconds * 1000).rounded()))
    }
}
