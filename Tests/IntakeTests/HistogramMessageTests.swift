import Model
import Testing

@testable import Intake

/// Native histograms of remote write 1.0.
@Suite("Native histograms of remote write")
struct HistogramMessageTests {
    /// A `prometheus.Histogram` under construction.
    struct Message {
        var bytes: [UInt8] = []

        static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }

        mutating func addSpans(_ field: UInt64, _ spans: [(Int64, UInt64)]) {
            for (offset, length) in spans {
                var span: [UInt8] = []
                span.appendField(1, varint: Message.zigzag(offset))
                span.appendField(2, varint: length)
                bytes.appendField(field, bytes: span)
            }
        }

        mutating func addDeltas(_ field: UInt64, _ deltas: [Int64]) {
            var packed: [UInt8] = []
            for delta in deltas { packed.appendVarint(Message.zigzag(delta)) }
            bytes.appendField(field, bytes: packed)
        }

        mutating func addNumbers(_ field: UInt64, _ numbers: [Double]) {
            var packed: [UInt8] = []
            for number in numbers {
                for index in 0..<8 {
                    packed.append(UInt8(truncatingIfNeeded: number.bitPattern >> UInt64(8 * index)))
                }
            }
            bytes.appendField(field, bytes: packed)
        }
    }

    private func write(_ messages: [Message], limits: Limits = Limits()) throws -> DecodedWrite {
        var series: [UInt8] = []
        series.appendField(1, bytes: WriteRequest.label(Array("__name__".utf8), Array("h".utf8)))
        for message in messages { series.appendField(4, bytes: message.bytes) }
        var request = WriteRequest()
        request.add([("__name__", "before")], [(1, 2)])
        request.add(series: series)
        request.add([("__name__", "z")], [(1, 3)])
        return try request.decoded(limits: limits)
    }

    private func integers() -> Message {
        var message = Message()
        message.bytes.appendField(1, varint: 21)
        message.bytes.appendField(3, double: 7.5)
        message.bytes.appendField(4, varint: Message.zigzag(-2))
        message.bytes.appendField(5, double: 0.001)
        message.bytes.appendField(6, varint: 4)
        message.addSpans(8, [(0, 1)])
        message.addDeltas(9, [5])
        message.addSpans(11, [(-3, 2), (2, 1)])
        message.addDeltas(12, [2, 1, 4])
        message.bytes.appendField(14, varint: 1)
        message.bytes.appendField(15, varint: 1000)
        return message
    }

    @Test("integer counts come as differences, with gaps between spans")
    func readsIntegers() throws {
        let write = try write([integers()])
        #expect(write.rejections.isEmpty, "\(write.rejections.summary)")
        #expect(write.batch.flaw == nil)
        #expect(write.batch.histograms.positions == [1])
        var expected = NativeHistogram(
            schema: -2,
            zeroThreshold: 0.001,
            zeroCount: 4,
            count: 21,
            sum: 7.5
        )
        expected.negative.append(index: 0, count: 5)
        expected.positive.append(index: -3, count: 2)
        expected.positive.append(index: -2, count: 3)
        expected.positive.append(index: 1, count: 7)
        #expect(write.batch.histograms[1] == expected)
        #expect(write.batch.histograms[1]?.counterReset == .unknown)
        #expect(write.batch.timestamps == [1, 1000, 1])
    }

    @Test(
        "float counts come as they are, custom bounds and gauges too; fields that repeat need not be packed"
    )
    func readsFloats() throws {
        var message = Message()
        message.bytes.appendField(2, double: 3.5)
        message.bytes.appendField(3, double: 9)
        message.bytes.appendField(4, varint: Message.zigzag(-53))
        message.addSpans(11, [(1, 2)])
        message.bytes.appendField(13, double: 1.5)
        message.bytes.appendField(13, double: 2)
        message.addNumbers(16, [1, 2.5])
        message.bytes.appendField(14, varint: 3)
        message.bytes.appendField(15, varint: 5)
        let write = try write([message])
        #expect(write.rejections.isEmpty, "\(write.rejections.summary)")
        var expected = NativeHistogram(schema: -53, count: 3.5, sum: 9, customBounds: [1, 2.5])
        expected.positive.append(index: 1, count: 1.5)
        expected.positive.append(index: 2, count: 2)
        #expect(write.batch.histograms[1] == expected)
        #expect(write.batch.histograms[1]?.counterReset == .gauge)
    }

    @Test("a staleness marker as the sum ends the series")
    func readsStaleness() throws {
        var message = Message()
        message.bytes.appendField(3, double: StaleMarker.value)
        message.bytes.appendField(15, varint: 5)
        let write = try write([message])
        #expect(write.batch.histograms.isEmpty)
        #expect(write.batch.values[1].bitPattern == StaleMarker.bitPattern)
    }

    @Test("what is not sound is refused by name, the rest stays")
    func refuses() throws {
        var tooFew = integers()
        tooFew.bytes.appendField(1, varint: 20)
        var tooMany = integers()
        tooMany.addSpans(11, [(0, 9)])
        var backwards = integers()
        backwards.addSpans(11, [(-1, 0)])
        var schema = integers()
        schema.bytes.appendField(4, varint: Message.zigzag(9))
        var negative = integers()
        negative.addDeltas(12, [-12])
        negative.addSpans(11, [(0, 1)])
        var bounds = Message()
        bounds.bytes.appendField(4, varint: Message.zigzag(-53))
        bounds.addNumbers(16, [2, 2])
        var beyond = Message()
        beyond.bytes.appendField(2, double: 1)
        beyond.bytes.appendField(4, varint: Message.zigzag(-53))
        beyond.addNumbers(16, [2])
        beyond.addSpans(11, [(2, 1)])
        beyond.addNumbers(13, [1])
        let reasons: [(Message, String)] = [
            (tooFew, "its count is 20, but its buckets have 21 observations"),
            (tooMany, "its spans are longer than its 3 buckets"),
            (backwards, "a span begins before the end of the one before"),
            (schema, "schema 9 is none of -4 to 8 and -53"),
            (negative, "a count is negative"),
            (bounds, "its custom bounds do not rise"),
            (beyond, "it has a bucket beyond its 1 custom bounds"),
        ]
        for (message, reason) in reasons {
            let write = try write([integers(), message])
            let refusal = write.rejections.summary
            #expect(refusal.hasPrefix("h: native histogram at ") && refusal.hasSuffix(": \(reason)"))
            #expect(write.batch.flaw == nil)
            #expect(write.batch.sampleCount == 3)
        }
        var limits = Limits()
        limits.bucketsPerHistogram = 3
        let write = try write([integers()], limits: limits)
        #expect(write.rejections.count == 1 && write.rejections.summary.contains("buckets_per_histogram"))
        #expect(write.batch.sampleCount == 2)
    }

    @Test("bytes of any kind are refused or read, and nothing else", arguments: [1, 2, 3])
    func hostile(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3000 {
            var message = integers()
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = message.bytes.indices.randomElement(using: &random) ?? 0
                message.bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            if let write = try? write([message]) { #expect(write.batch.flaw == nil, "seed \(seed)") }
        }
    }
}
