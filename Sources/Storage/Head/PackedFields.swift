/// A name or a value inside a packed label set.
@safe struct PackedField {
    /// Where it begins: at its length.
    let start: UnsafeRawPointer
    /// Its bytes.
    let text: UnsafeRawBufferPointer

    /// The field that begins at `start`, inside a packed label set that is known to be one.
    @inline(__always)
    @unsafe init(_ start: UnsafeRawPointer) {
        unsafe self.start = start
        let first = Int(unsafe start.load(as: UInt8.self))
        if first < 0x80 {
            unsafe text = UnsafeRawBufferPointer(start: start + 1, count: first)
        } else {
            unsafe text = PackedField.longText(start)
        }
    }

    /// Where it ends.
    @inline(__always)
    var end: UnsafeRawPointer {
        guard let bytes = unsafe text.baseAddress else { return unsafe start + 1 }
        return unsafe bytes + text.count
    }

    private static func longText(_ start: UnsafeRawPointer) -> UnsafeRawBufferPointer {
        var length = 0
        var byteCount = 0
        while true {
            let byte = Int(unsafe start.load(fromByteOffset: byteCount, as: UInt8.self))
            length |= (byte & 0x7f) << (7 * byteCount)
            byteCount += 1
            if byte < 0x80 { return unsafe UnsafeRawBufferPointer(start: start + byteCount, count: length) }
        }
    }
}

/// Steps through a packed label set that is known to be one, label by label.
@safe struct PackedFields {
    private var position: UnsafeRawPointer?
    private let end: UnsafeRawPointer?

    /// The labels of `packed`.
    @inline(__always)
    init(_ packed: UnsafeRawBufferPointer) {
        unsafe position = packed.baseAddress
        unsafe end = packed.baseAddress.map { unsafe $0 + packed.count }
    }

    /// The next label, or nil behind the last.
    @inline(__always)
    mutating func next() -> (name: PackedField, value: PackedField)? {
        guard let position = unsafe position, let end = unsafe end, unsafe position < end else { return nil }
        let name = unsafe PackedField(position)
        let value = unsafe PackedField(name.end)
        unsafe self.position = unsafe value.end
        return (name, value)
    }

    /// The value of the next label called `name`, or nil if there is none.
    @inline(__always)
    mutating func value(of name: UnsafeRawBufferPointer) -> PackedField? {
        while let (label, value) = next() {
            if unsafe HeadTexts.isEqual(label.text, name) { return value }
        }
        return nil
    }
}
