/// Whether bytes from outside are UTF-8.
enum UTF8Check {
    /// Whether all of `bytes` are ASCII.
    static func isASCII(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { raw in
            var at = 0
            var bits: UInt64 = 0
            while raw.count - at >= 8 {
                bits |= raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                at += 8
            }
            while at < raw.count {
                bits |= UInt64(raw[at])
                at += 1
            }
            return bits & 0x8080_8080_8080_8080 == 0
        }
    }

    /// Whether `bytes` at `range` are UTF-8.
    static func isValid(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        isValid(bytes.span.extracting(range))
    }

    /// Whether `bytes` are UTF-8.
    static func isValid(_ bytes: Span<UInt8>) -> Bool {
        do {
            _ = try UTF8Span(validating: bytes)
            return true
        } catch {
            return false
        }
    }
}
