import Foundation

/// The present time in milliseconds since 1970.
func nowMillis() -> Int64 {
    Int64((Date().timeIntervalSince1970 * 1000).rounded(.down))
}
