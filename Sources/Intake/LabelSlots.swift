import Glibc
import Model

/// The labels of one series of a protobuf message, kept in name order as they come in.
///
/// It is the handle that touches the scratch memory: a slot says where name and value lie in the message.
/// Labels nearly always come sorted, then adding one is one comparison of 8 bytes. Anything that is against
/// the rules, or that has no room here, makes the series irregular: `LabelCollector` then has to look at it.
struct LabelSlots {
    /// Where one label lies in the message; offsets fit, because a snappy block holds less than 4 GiB.
    struct Slot {
        /// The first 8 bytes of the name as a number that orders as they do; shorter names end in zeros.
        var key: UInt64
        var nameStart: UInt32
        var nameLength: UInt32
        var valueStart: UInt32
        var valueLength: UInt32
    }

    /// `__name__` as a key.
    private static let metricNameKey: UInt64 = 0x5f5f_6e61_6d65_5f5f

    private let slots: UnsafeMutablePointer<Slot>
    private let capacity: Int
    private let limits: Limits
    private var count = 0
    private var hasMetricName = false
    private var isRegular = true

    /// Slots in `memory`, uninitialised, one for each label that a series may have; nil if there is none.
    init?(_ memory: UnsafeMutableBufferPointer<Slot>, limits: Limits) {
        guard let start = memory.baseAddress else { return nil }
        slots = start
        capacity = memory.count
        self.limits = limits
    }

    /// Starts a new series.
    mutating func removeAll() {
        count = 0
        hasMetricName = false
        isRegular = true
    }

    /// Adds a label of the message that `reader` reads, or notes that the series needs a closer look.
    @inline(__always)
    mutating func add(_ name: Range<Int>, _ value: Range<Int>, _ reader: ProtobufReader) {
        let nameLength = name.upperBound &- name.lowerBound
        let valueLength = value.upperBound &- value.lowerBound
        guard count < capacity, nameLength > 0, nameLength <= limits.labelNameBytes,
            valueLength <= limits.labelValueBytes
        else {
            isRegular = false
            return
        }
        let start = reader.pointer(at: name.lowerBound)
        var key = UInt64(bigEndian: start.loadUnaligned(as: UInt64.self))
        if nameLength < 8 { key &= ~(UInt64.max &>> UInt64(truncatingIfNeeded: 8 &* nameLength)) }
        if key == LabelSlots.metricNameKey, nameLength == 8 { hasMetricName = valueLength > 0 }
        var place = count
        if place > 0, key <= slots[place &- 1].key { place = makeRoom(key, start, nameLength, reader) }
        slots[place] = Slot(
            key: key,
            nameStart: UInt32(truncatingIfNeeded: name.lowerBound),
            nameLength: UInt32(truncatingIfNeeded: nameLength),
            valueStart: UInt32(truncatingIfNeeded: value.lowerBound),
            valueLength: UInt32(truncatingIfNeeded: valueLength)
        )
        count &+= 1
    }

    /// Appends the packed label set, without labels whose value is empty; false, and what was appended is to
    /// be forgotten, if the series needs a closer look.
    @inline(__always)
    func pack(into output: inout PackedLabelOutput, _ reader: ProtobufReader) -> Bool {
        guard isRegular, hasMetricName else { return false }
        let start = output.count
        for index in 0..<count {
            let slot = slots[index]
            guard slot.valueLength > 0 else { continue }
            output.appendField(reader.pointer(at: Int(slot.nameStart)), Int(slot.nameLength))
            output.appendField(reader.pointer(at: Int(slot.valueStart)), Int(slot.valueLength))
        }
        return output.isASCII(from: start) || isUTF8(reader)
    }

    // MARK: Private

    /// Moves the slots behind a new name's place up by one, and returns that place.
    ///
    /// A name that is there already makes the series irregular.
    private mutating func makeRoom(
        _ key: UInt64,
        _ name: UnsafeRawPointer,
        _ nameLength: Int,
        _ reader: ProtobufReader
    ) -> Int {
        var place = count
        while place > 0 {
            let before = slots[place &- 1]
            if before.key < key { break }
            if before.key == key {
                let length = Int(before.nameLength)
                let other = reader.pointer(at: Int(before.nameStart))
                let order = Int(memcmp(other, name, min(length, nameLength)))
                if order < 0 || (order == 0 && length < nameLength) { break }
                if order == 0, length == nameLength { isRegular = false }
            }
            slots[place] = before
            place &-= 1
        }
        return place
    }

    private func isUTF8(_ reader: ProtobufReader) -> Bool {
        for index in 0..<count {
            let slot = slots[index]
            for (start, length) in [(slot.nameStart, slot.nameLength), (slot.valueStart, slot.valueLength)] {
                let bytes = reader.bytes(Int(start)..<Int(start) + Int(length))
                guard UTF8Check.isValid(bytes.bindMemory(to: UInt8.self).span) else { return false }
            }
        }
        return true
    }
}
