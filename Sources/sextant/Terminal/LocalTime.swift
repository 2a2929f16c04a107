import Glibc
import Model

/// Times as people on this machine read them, in its time zone.
enum LocalTime {
    /// `time` in the form of `strftime`, such as `%H:%M`; empty if there is no such date.
    static func format(_ time: Timestamp, _ form: String) -> String {
        var seconds = time_t(time.floored(toMillis: 1000).millis / 1000)
        var parts = unsafe tm()
        guard unsafe localtime_r(&seconds, &parts) != nil else { return "" }
        var text = [CChar](repeating: 0, count: 64)
        let count = unsafe strftime(&text, text.count, form, &parts)
        return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
