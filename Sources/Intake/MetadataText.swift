import Model

/// Turns the bytes of a metadata entry into a `MetricMetadata`, or says why not.
enum MetadataText {
    /// Why an entry is refused.
    enum Fault {
        case emptyName
        case notUTF8
        case nameTooLong(limit: Int)
        case tooMany(limit: Int)

        /// The reason in words.
        var reason: String {
            switch self {
            case .emptyName: "metadata without a metric name"
            case .notUTF8: "metadata whose metric name is not valid UTF-8"
            case .nameTooLong(let limit):
                "metadata whose metric name is longer than the limit of \(limit) (label_value_bytes)"
            case .tooMany(let limit): "more metadata entries than the limit of \(limit) (metadata_per_write)"
            }
        }
    }

    /// Why `name` cannot be the name of a metric family, or nil.
    static func fault(inName name: UnsafeRawBufferPointer, limits: Limits) -> Fault? {
        if name.isEmpty { return .emptyName }
        if name.count > limits.labelValueBytes { return .nameTooLong(limit: limits.labelValueBytes) }
        return String(validating: name, as: UTF8.self) == nil ? .notUTF8 : nil
    }

    /// Appends an entry to `list`, or returns why it is refused.
    static func append(
        name: UnsafeRawBufferPointer,
        kind: MetricMetadata.Kind,
        help: UnsafeRawBufferPointer,
        unit: UnsafeRawBufferPointer,
        to list: inout [MetricMetadata],
        limits: Limits
    ) -> Fault? {
        if let fault = fault(inName: name, limits: limits) { return fault }
        guard list.count < limits.metadataPerWrite else { return .tooMany(limit: limits.metadataPerWrite) }
        list.append(
            MetricMetadata(
                name: String(decoding: name, as: UTF8.self),
                kind: kind,
                help: text(help, limits: limits),
                unit: text(unit, limits: limits)
            )
        )
        return nil
    }

    /// `bytes` as text, cut to the length of a label value; what is not UTF-8 is replaced.
    static func text(_ bytes: some Collection<UInt8>, limits: Limits) -> String {
        guard bytes.count > limits.labelValueBytes else { return String(decoding: bytes, as: UTF8.self) }
        var kept = Array(bytes.prefix(limits.labelValueBytes))
        while let last = kept.last, last & 0xc0 == 0x80 { kept.removeLast() }
        if let last = kept.last, last >= 0xc0 { kept.removeLast() }
        return String(decoding: kept, as: UTF8.self)
    }
}
