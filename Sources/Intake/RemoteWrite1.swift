import Model

/// Prometheus remote write 1.0: a snappy block with a protobuf `prometheus.WriteRequest`.
///
/// Source: https://prometheus.io/docs/specs/prw/remote_write_spec/ and Prometheus's `prompb/remote.proto`,
/// `prompb/types.proto`.
package enum RemoteWrite1 {
    /// Reads a request body.
    ///
    /// Label sets come out canonical: sorted, without empty values. A series that breaks a rule (no metric
    /// name, a name twice, not UTF-8, a limit of `Limits`) is refused as a whole by name, and so is
    /// each native histogram; the rest is in the batch. Values keep their bits, so staleness markers pass.
    /// Exemplars are counted.
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
        return try message.withBytes { bytes throws(IntakeError) in
            try decode(padded: bytes, limits: limits)
        }
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

    /// Reads the message that fills `message`, the content of a `PaddedBytes`.
    private static func decode(
        padded message: UnsafeRawBufferPointer,
        limits: Limits
    ) throws(IntakeError) -> DecodedWrite {
        var walk = WriteRequestWalk(limits: limits, messageByteCount: message.count)
        var failure: IntakeError?
        let capacity = message.count + PaddedBytes.slackByteCount
        let labelBytes = [UInt8](unsafeUninitializedCapacity: capacity) { memory, count in
            let slotCount = max(1, limits.labelsPerSeries)
            count = withUnsafeTemporaryAllocation(of: LabelSlots.Slot.self, capacity: slotCount) { scratch in
                guard var output = PackedLabelOutput(memory),
                    var labels = LabelSlots(scratch, limits: limits),
                    let reader = ProtobufReader(padded: message)
                else { return 0 }
                do throws(IntakeError) {
                    try walk.run(reader, &labels, into: &output)
                } catch {
                    failure = error
                }
                return output.count
            }
        }
        if let failure { throw failure }
        return walk.finish(labelBytes: labelBytes)
    }
}
