import Model

/// The text exposition format, versions 0.0.4 and 1.0.0 (UTF-8 names in quotes), as `/metrics` pages have it.
///
/// One sample per line, `name{label="value"} value [milliseconds]`, beside comments of which `# HELP`, `#
/// TYPE` and OpenMetrics's `# UNIT` become metadata and all others, `# EOF` too, say nothing. Labels may come
/// in any order; blank lines, CRLF, tabs and blanks between the parts, and a comma behind the last label are
/// fine. As Prometheus does, an unknown escape sequence in a label value is kept as it is.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
package enum TextExposition {
    /// How strictly a body is read.
    package struct Options: Sendable {
        /// What series and lines may have.
        package var limits = Limits.default
        /// Whether a last line without a newline is refused, because the body may have been cut off.
        package var requiresFinalNewline = false

        /// An import's options: the default limits, and the last line may end the body.
        package init() {}
    }

    /// Reads a whole body.
    ///
    /// A bad line is refused as `line 12: ...` with its number from 1; all the others are in the batch.
    ///
    /// - Parameters:
    ///   - body: The text.
    ///   - now: The time of samples that have none.
    ///   - options: How strictly to read.
    /// - Returns: The valid samples and metadata, and what was refused.
    package static func decode(_ body: [UInt8], now: Timestamp, options: Options = Options()) -> DecodedWrite
    {
        var decoder = Decoder(now: now, options: options)
        decoder.feed(body)
        return decoder.finish()
    }
}
