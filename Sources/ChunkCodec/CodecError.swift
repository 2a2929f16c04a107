/// Why bytes are not what an encoder wrote.
///
/// Damaged input is the only cause; nothing was changed when one of these is thrown.
public enum CodecError: Error, Hashable, Sendable {
    /// The bytes end too early.
    case truncated(neededBytes: Int, availableBytes: Int)
    /// A varint has more than 64 bits.
    case varintTooLong
    /// Bytes follow where the content should have ended.
    case trailingBytes(count: Int)
    /// A stored size or count is above what is allowed.
    case tooLarge(stored: UInt64, limit: Int)
    /// The checksum does not fit the bytes.
    case checksumMismatch(stored: UInt32, computed: UInt32)
    /// A frame has flags that no version wrote.
    case unknownFrameFlags(UInt8)
    /// A stored frame whose two sizes differ.
    case frameSizesDiffer(rawCount: Int, storedCount: Int)
    /// A block is no LZ4 block of the announced size.
    case badCompressedBlock(rawCount: Int)
    /// A value column of a kind that this version cannot read.
    case unsupportedValueKind(UInt8)
    /// An integer column with a predictor that this version cannot read.
    case unsupportedPredictor(UInt8)
    /// An integer column packed in a way that this version cannot read.
    case unsupportedBackEnd(UInt8)
    /// A header byte has a value that no encoder writes.
    case badHeaderByte(field: HeaderField, value: UInt8)
    /// An exception points outside its block or column, or does not fit its width.
    case badException
    /// A Huffman code that no encoder writes, or bits that are no code of it.
    case badHuffmanCode
    /// A rank that no value of a dictionary has.
    case badRank

    /// The header bytes that have few legal values.
    public enum HeaderField: String, Sendable {
        /// The form of a constant column.
        case constantForm = "constant form"
        /// The decimal exponent.
        case exponent
        /// The width of a block in bits.
        case bitWidth = "bit width"
        /// The number of exceptions of a block.
        case blockExceptionCount = "exception count of a block"
        /// The common divisor of an integer column.
        case divisor
        /// The way a distinct exceptional value is written.
        case exceptionForm = "exception form"
        /// The number of a Huffman table.
        case huffmanTable = "Huffman table"
    }
}

extension CodecError: CustomStringConvertible {
    /// One sentence without an end point.
    public var description: String {
        switch self {
        case .truncated(let needed, let available):
            "the bytes end early: \(needed) needed, \(available) there"
        case .varintTooLong: "a varint has more than 64 bits"
        case .trailingBytes(let count): "\(count) bytes follow the end of the content"
        case .tooLarge(let stored, let limit): "a stored size of \(stored) is above the limit of \(limit)"
        case .checksumMismatch(let stored, let computed):
            "the checksum differs: stored 0x\(String(stored, radix: 16)), "
                + "computed 0x\(String(computed, radix: 16))"
        case .unknownFrameFlags(let flags): "unknown frame flags 0x\(String(flags, radix: 16))"
        case .frameSizesDiffer(let raw, let stored):
            "a stored frame has \(stored) bytes, but says \(raw)"
        case .badCompressedBlock(let raw): "no LZ4 block of \(raw) bytes"
        case .unsupportedValueKind(let kind): "value columns of kind \(kind) are not known to this version"
        case .unsupportedPredictor(let predictor): "predictor \(predictor) is not known to this version"
        case .unsupportedBackEnd(let backEnd): "packing \(backEnd) is not known to this version"
        case .badHeaderByte(let field, let value): "the \(field.rawValue) cannot be \(value)"
        case .badHuffmanCode: "the Huffman code is wrong"
        case .badRank: "a rank is outside of its dictionary"
        case .badException: "an exception does not fit its column"
        }
    }
}
