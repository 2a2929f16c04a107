import Glibc

/// What is behind standard output or standard error.
struct Terminal: Hashable, Sendable {
    /// Whether it is a terminal, not a file or a pipe.
    var isInteractive: Bool
    /// Whether colours may be used.
    var hasColors: Bool
    /// The width in characters.
    var columns: Int
    /// The height in lines.
    var lines: Int

    /// What is behind the stream `descriptor`.
    ///
    /// Colours need a terminal, and the environment may forbid them (https://no-color.org).
    static func of(_ descriptor: Int32) -> Terminal {
        let isInteractive = isatty(descriptor) == 1
        var size = winsize()
        let isKnown = unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0
        return Terminal(
            isInteractive: isInteractive,
            hasColors: isInteractive && (variable("NO_COLOR") ?? "").isEmpty && variable("TERM") != "dumb",
            columns: isKnown && size.ws_col > 0 ? Int(size.ws_col) : number("COLUMNS") ?? 80,
            lines: isKnown && size.ws_row > 0 ? Int(size.ws_row) : number("LINES") ?? 24
        )
    }

    private static func number(_ name: String) -> Int? {
        variable(name).flatMap(Int.init).flatMap { (1...10_000).contains($0) ? $0 : nil }
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}

/// The colours of series, in the order in which they are given away.
enum SeriesColor {
    private static let codes = [36, 33, 35, 32, 34, 31, 96, 93, 95, 92, 94, 91]

    /// `text` in the colour of the series `index`.
    static func paint(_ text: String, series index: Int) -> String {
        "\u{1b}[\(codes[index % codes.count])m\(text)\u{1b}[0m"
    }
}
