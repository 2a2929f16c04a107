import Model

/// Prometheus remote write 1.0: a snappy block with a protobuf `prometheus.WriteRequest`.
///
/// Source: https://prometheus.io/docs/specs/prw/remote_write_spec/ and Prometheus's `prompb/remote.proto`,
/// `prompb/types.proto`.
package enum RemoteWrite1 {
    /// Reads a request body.
    ///
    /// Label sets stay as they came: the spelling of the batch makes them canonical (sorted, without empty
    /// values) and refuses by name a series that breaks a rule (no metric name, a name twice, not UTF-8, a
    /// limit of `Limits`). Native histograms that are not sound are refused here; the rest is in the batch.
    /// Values keep their bits, so staleness markers pass. Exemplars are counted.
    ///
    /// - Parameters:
    ///   - body: The body as it came; it is only read during the call.
    ///   - limits: What is allowed.
    /// - Returns: The valid samples and metadata, and what was refused.
    /// - Throws: `malformed` or `tooLarge` if the body cannot be read; nothing of it is to be stored then.
    package static func decode(
        compressed body: UnsafeRawBufferPointer,
        limits: Limits = Limits.default
    ) throws(IntakeError) -> DecodedWrite {
        let message = try Snappy.decode(body, limit: limits.decompressedBodyBytes)
        var walk = WriteRequestWalk(limits: limits, messageByteCount: message.count)
        try message.withBytes { bytes throws(IntakeError) in
            if let reader = ProtobufReader(padded: bytes) { try walk.run(reader) }
        }
        return walk.finish(message)
    }

    /// As `decode(compressed:limits:)` of a buffer.
    package static func decode(
        compressed body: [UInt8],
        limits: Limits = Limits.default
    ) throws(IntakeError) -> DecodedWrite {
        try body.withUnsafeBytes { bytes in
            Result { () throws(IntakeError) in try decode(compressed: bytes, limits: limits) }
        }.get()
    }
}
