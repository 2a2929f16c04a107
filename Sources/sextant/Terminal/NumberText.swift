import Foundation
import Model

/// Numbers for people, with the digits that matter.
enum NumberText {
    /// `value` rounded to six digits, such as `1234.57` or `1.5e+20`.
    static func short(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return ValueText.format(value) }
        let magnitude = Int(log10(value.magnitude).rounded(.down))
        guard (-5...14).contains(magnitude) else {
            return ValueText.formatScientific(rounded(value, magnitude))
        }
        return ValueText.format(rounded(value, magnitude))
    }

    private static func rounded(_ value: Double, _ magnitude: Int) -> Double {
        let digits = 5 - magnitude
        let scale = pow(10, Double(digits.magnitude))
        guard scale.isFinite else { return value }
        return digits >= 0 ? (value * scale).rounded() / scale : (value / scale).rounded() * scale
    }
}
