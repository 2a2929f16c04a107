import Glibc
import Model

/// Label sets as remote write 1.0 has them: the `Label` messages of a series one after the other, each with
/// the tag and the length that stand before it in `TimeSeries`.
///
/// The bytes lie in a body that `WriteRequestWalk` has read, so every message is sound as protobuf, and
/// `PaddedBytes.slackByteCount` bytes behind them may be loaded.
final class WriteRequestSpelling: LabelSpelling {
    /// What label sets are checked against.
    let limits: Limits

    /// A spelling whose label sets are checked against `limits`.
    init(limits: Limits) {
        self.limits = limits
    }

    func isEqual(_ spelled: UnsafeRawBufferPointer, packed: UnsafeRawBufferPointer) -> Bool {
        guard let left = spelled.baseAddress, let right = packed.baseAddress else {
            return spelled.isEmpty && packed.isEmpty
        }
        var at = 0
        var packedAt = 0
        while packedAt < packed.count {
            // Where the next label starts depends on one load; the rest only checks.
            let head = UInt32(littleEndian: left.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            let length = Int(head &>> 8 & 0xff)
            let nextAt = at &+ 2 &+ length
            let nextPackedAt = packedAt &+ length &- 2
            let nameLength = Int(head &>> 24)
            // The usual label: all lengths are below 128, one byte each.
            guard head & 0x80ff_80ff == 0x000a_000a, nextAt <= spelled.count, nextPackedAt <= packed.count,
                nameLength &+ 4 <= length
            else {
                guard let next = passLongLabel(spelled, at, packed, packedAt) else { return false }
                (at, packedAt) = next
                continue
            }
            let valueLength = length &- 4 &- nameLength
            let valueAt = at &+ 6 &+ nameLength
            let packedValueAt = packedAt &+ 2 &+ nameLength
            let middle = UInt16(
                littleEndian: left.loadUnaligned(fromByteOffset: valueAt &- 2, as: UInt16.self)
            )
            guard middle == 0x12 | UInt16(truncatingIfNeeded: valueLength &<< 8),
                Int(right.load(fromByteOffset: packedAt, as: UInt8.self)) == nameLength,
                Int(right.load(fromByteOffset: packedValueAt &- 1, as: UInt8.self)) == valueLength,
                isEqual(left + (at &+ 4), right + (packedAt &+ 1), nameLength, packed.count &- packedAt &- 1),
                isEqual(left + valueAt, right + packedValueAt, valueLength, packed.count &- packedValueAt)
            else { return false }
            at = nextAt
            packedAt = nextPackedAt
        }
        return at == spelled.count
    }

    func mayBeginName(_ spelled: UnsafeRawBufferPointer, with prefix: StaticString) -> Bool {
        // Tag and length of the label, tag of the name; tag and length of the value: a byte each, as a rule.
        guard spelled.count > 14, spelled[1] < 0x80, spelled[2] == 0x0a, spelled[12] == 0x12,
            spelled[13] < 0x80
        else { return !spelled.isEmpty }
        return PackedSpelling.mayBegin(spelled, nameAt: 3, valueAt: 14, prefix)
    }

    func labels(_ spelled: UnsafeRawBufferPointer) throws(LabelRefusal) -> Labels {
        let message = ProtobufReader(padded: spelled)
        if let message, let packed = pack(message) { return Labels(trusted: packed) }
        var collector = LabelCollector(limits: limits)
        do throws(IntakeError) {
            if let message { try collector.collect(message) }
        } catch {
            throw LabelRefusal(text: error.description)
        }
        if let refusal = collector.packOrRefusal() { throw refusal }
        return Labels(trusted: collector.packed)
    }

    // MARK: Private

    /// The most labels that are packed the short way: their slots fit on the stack.
    private static let slotCount = 40

    /// Packs labels that break no rule; nil if they need a closer look.
    private func pack(_ message: ProtobufReader) -> [UInt8]? {
        let capacity = message.end &- message.position &+ PaddedBytes.slackByteCount
        let slotCount = min(max(1, limits.labelsPerSeries), WriteRequestSpelling.slotCount)
        return withUnsafeTemporaryAllocation(of: LabelSlots.Slot.self, capacity: slotCount) { scratch in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { memory in
                guard var labels = LabelSlots(scratch, limits: limits), var output = PackedLabelOutput(memory)
                else { return nil }
                var fields = message
                while !fields.isAtEnd {
                    guard let (start, end) = fields.shortMessage(field: 1),
                        let (name, value) = fields.usualLabel(start: start, end: end)
                    else { return nil }
                    labels.add(name, value, fields)
                }
                guard labels.pack(into: &output, fields) else { return nil }
                return Array(memory.prefix(output.count))
            }
        }
    }

    /// Whether `length` bytes are the same; `room` bytes may be loaded from `right`.
    @inline(__always)
    private func isEqual(
        _ left: UnsafeRawPointer,
        _ right: UnsafeRawPointer,
        _ length: Int,
        _ room: Int
    ) -> Bool {
        if length > 8 {
            // Words, the last of which overlaps the one before it.
            var at = 0
            while at &+ 8 < length {
                if word(left + at) != word(right + at) { return false }
                at &+= 8
            }
            return word(left + (length &- 8)) == word(right + (length &- 8))
        }
        if room >= 8 {
            let difference = word(left) ^ word(right)
            return length == 0 || difference &<< UInt64(truncatingIfNeeded: 64 &- 8 &* length) == 0
        }
        return memcmp(left, right, length) == 0
    }

    @inline(__always)
    private func word(_ pointer: UnsafeRawPointer) -> UInt64 {
        UInt64(littleEndian: pointer.loadUnaligned(as: UInt64.self))
    }

    /// Compares one label of any size: the places behind it in both, or nil if it differs.
    private func passLongLabel(
        _ spelled: UnsafeRawBufferPointer,
        _ at: Int,
        _ packed: UnsafeRawBufferPointer,
        _ packedAt: Int
    ) -> (at: Int, packedAt: Int)? {
        guard let start = spelled.baseAddress, let packedStart = packed.baseAddress,
            let nameEnd = WriteRequestSpelling.fieldEnd(packed, packedAt),
            let valueEnd = WriteRequestSpelling.fieldEnd(packed, nameEnd)
        else { return nil }
        // Name and value have their lengths in front of them in both forms.
        let fields = [packedAt..<nameEnd, nameEnd..<valueEnd]
        var head: [UInt8] = [0x0a]
        var length = valueEnd - packedAt + fields.count
        while length >= 0x80 {
            head.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        head.append(UInt8(truncatingIfNeeded: length))
        guard spelled[at...].starts(with: head) else { return nil }
        var at = at + head.count
        for (tag, field) in zip([0x0a, 0x12] as [UInt8], fields) {
            guard field.count < spelled.count - at, spelled[at] == tag,
                memcmp(start + (at + 1), packedStart + field.lowerBound, field.count) == 0
            else { return nil }
            at += 1 + field.count
        }
        return (at, valueEnd)
    }

    /// Where the length-prefixed field of a packed label set that starts at `start` ends.
    private static func fieldEnd(_ packed: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        var length = 0
        var at = start
        for shift in stride(from: 0, through: 28, by: 7) {
            guard at < packed.count else { return nil }
            length |= Int(packed[at] & 0x7f) << shift
            at += 1
            if packed[at - 1] < 0x80 { return length <= packed.count - at ? at + length : nil }
        }
        return nil
    }
}
