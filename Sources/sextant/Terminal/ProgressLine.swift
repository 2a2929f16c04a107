import Glibc
import Model

/// Tells on standard error how far a long work is: one line that is written anew on a terminal, else a
/// line now and then.
struct ProgressLine {
    private let isInteractive: Bool
    private let title: String
    private let start = ContinuousClock.now
    private var shown: ContinuousClock.Instant?
    private var shownTenth = -1

    init(_ title: String, on terminal: Terminal) {
        self.title = title
        isInteractive = terminal.isInteractive
    }

    /// Tells that `fraction` of the work (0 to 1) is done, and `sampleCount` samples with it.
    mutating func show(fraction: Double, sampleCount: Int) {
        let now = ContinuousClock.now
        let tenth = Int((fraction * 10).rounded(.down))
        let isDue =
            isInteractive ? shown.map { now - $0 >= .milliseconds(100) } ?? true : tenth > shownTenth
        guard isDue || fraction >= 1 else { return }
        guard shownTenth < 10 || fraction < 1 else { return }
        shown = now
        shownTenth = tenth
        let text = ProgressLine.text(
            title,
            fraction: fraction,
            sampleCount: sampleCount,
            seconds: (now - start) / .seconds(1)
        )
        if isInteractive {
            ProgressLine.write("\r\u{1b}[K\(text)\(fraction >= 1 ? "\n" : "")")
        } else {
            ProgressLine.write(text + "\n")
        }
    }

    /// The line, such as `history   45 %   7012000 samples   812000 samples/s`.
    static func text(_ title: String, fraction: Double, sampleCount: Int, seconds: Double) -> String {
        let percent = Int((min(1, max(0, fraction)) * 100).rounded(.down))
        let perSecond = seconds > 0.001 ? Int(Double(sampleCount) / seconds) : 0
        return "\(title.padded(to: 12))\(String(percent).leftPadded(to: 3)) %  "
            + "\(String(sampleCount).leftPadded(to: 9)) samples  "
            + "\(String(perSecond).leftPadded(to: 8)) samples/s"
    }

    /// Writes `text` to standard error.
    static func write(_ text: String) {
        StandardStream.write(Array(text.utf8), to: STDERR_FILENO)
    }
}

extension String {
    /// The text with spaces behind it, `width` characters in all.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

    /// The text with spaces in front of it, `width` characters in all.
    func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
}
