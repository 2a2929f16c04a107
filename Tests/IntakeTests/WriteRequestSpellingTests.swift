import Model
import Testing

@testable import Intake

@Suite("Labels as remote write spells them")
struct WriteRequestSpellingTests {
    private let spelling = WriteRequestSpelling(limits: Limits())

    /// `bytes` with the room behind them that a body has.
    private func isEqual(_ bytes: [UInt8], _ labels: Labels) -> Bool {
        unsafe (bytes + [UInt8](repeating: 0xff, count: PaddedBytes.slackByteCount)).withUnsafeBytes { all in
            unsafe labels.packed.withUnsafeBytes { packed in
                unsafe spelling.isEqual(UnsafeRawBufferPointer(rebasing: all[..<bytes.count]), packed: packed)
            }
        }
    }

    private func labels(_ bytes: [UInt8]) -> Labels? {
        unsafe (bytes + [UInt8](repeating: 0xff, count: PaddedBytes.slackByteCount)).withUnsafeBytes { all in
            unsafe try? spelling.labels(UnsafeRawBufferPointer(rebasing: all[..<bytes.count]))
        }
    }

    /// A label set as a series spells it, in the order of `labels`.
    private static func spelled(_ labels: some Sequence<Label>) -> [UInt8] {
        var bytes: [UInt8] = []
        for label in labels {
            bytes.appendField(1, bytes: WriteRequest.label(Array(label.name.utf8), Array(label.value.utf8)))
        }
        return bytes
    }

    private static func randomLabels(using generator: inout SeededGenerator) -> Labels {
        func text(_ longest: Int, _ generator: inout SeededGenerator) -> String {
            (0..<Int.random(in: 1...longest, using: &generator))
                .map { _ in ["a", "b", "é", "0"].randomElement(using: &generator) ?? "" }.joined()
        }
        var labels = LabelsBuilder()
        labels.set("__name__", text(20, &generator))
        for _ in 0..<Int.random(in: 0...6, using: &generator) {
            let isLong = Int.random(in: 0..<8, using: &generator) == 0
            labels.set(text(isLong ? 100 : 3, &generator), text(isLong ? 1000 : 20, &generator))
        }
        return labels.build()
    }

    @Test("the plain spelling is recognised, and nothing that stands for other labels")
    func random() throws {
        let seed: UInt64 = 20
        var generator = SeededGenerator(seed: seed)
        for round in 0..<2000 {
            let (one, other) = (
                WriteRequestSpellingTests.randomLabels(using: &generator),
                WriteRequestSpellingTests.randomLabels(using: &generator)
            )
            let bytes = WriteRequestSpellingTests.spelled(one)
            try #require(isEqual(bytes, one), "seed \(seed), round \(round): \(one)")
            try #require(labels(bytes) == one, "seed \(seed), round \(round): \(one)")
            try #require(isEqual(bytes, other) == (one == other), "seed \(seed), round \(round)")
            try #require(!isEqual(bytes.dropLast(), one) && !isEqual(Array(bytes.dropFirst()), one))
            for position in bytes.indices.shuffled(using: &generator).prefix(20) {
                var changed = bytes
                changed[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                try #require(!isEqual(changed, one), "seed \(seed), round \(round), byte \(position)")
            }
            let more = bytes + WriteRequestSpellingTests.spelled([Label("zzz", "1")])
            #expect(!isEqual(more, one))
        }
    }

    @Test("a metric's name that begins with a prefix is never overlooked, others mostly are told apart")
    func namePrefix() {
        let labels = { (name: String) in
            [Label("Zone", "x"), Label("__name__", name), Label("job", "kpi")]
        }
        for (name, begins) in [("kpi", true), ("kpi_x", true), ("kp", false), ("x_kpi", false), ("", false)] {
            for (dropped, isCertain) in [(1, true), (0, false)] {
                let set = Array(labels(name).dropFirst(dropped))
                for bytes in [WriteRequestSpellingTests.spelled(set), Labels(set).packed] {
                    let isPacked = bytes == Labels(set).packed
                    let kind: any LabelSpelling = isPacked ? PackedSpelling.shared : spelling
                    let found = unsafe bytes.withUnsafeBytes { unsafe kind.mayBeginName($0, with: "kpi") }
                    #expect(found == (isCertain && !name.isEmpty ? begins : found), "\(set)")
                    #expect(!begins || found, "\(set)")
                }
            }
        }
    }

    @Test("label sets that start as the other one, end as it or are empty differ")
    func edges() {
        let short = Labels(["__name__": "up", "a": "1"])
        let long = Labels(["__name__": "up", "a": "1", "b": "2"])
        #expect(!isEqual(WriteRequestSpellingTests.spelled(short), long))
        #expect(!isEqual(WriteRequestSpellingTests.spelled(long), short))
        #expect(!isEqual([], short))
        #expect(!isEqual(WriteRequestSpellingTests.spelled(short), .empty))
        #expect(isEqual([], .empty))
    }

    @Test("another spelling of the same labels is read, though not recognised")
    func otherSpellings() {
        let labels = Labels(["__name__": "up", "a": "1", "b": "2"])
        let shuffled = WriteRequestSpellingTests.spelled(Array(labels).reversed())
        let withEmpty = WriteRequestSpellingTests.spelled(Array(labels) + [Label("c", "")])
        for bytes in [shuffled, withEmpty] {
            #expect(!isEqual(bytes, labels))
            #expect(self.labels(bytes) == labels)
        }
    }

    @Test("labels that do not stand together in a series are put together")
    func scattered() throws {
        var series: [UInt8] = []
        series.appendField(1, bytes: WriteRequest.label(Array("__name__".utf8), Array("up".utf8)))
        series.appendField(2, bytes: WriteRequest.sample(1, 1))
        series.appendField(1, bytes: WriteRequest.label(Array("job".utf8), Array("api".utf8)))
        var request = WriteRequest()
        request.add([("__name__", "before")], [(1, 1)])
        request.add(series: series)
        request.add(series: series)
        request.add([("__name__", "after")], [(1, 1)])
        let labels = Labels(["__name__": "up", "job": "api"])
        #expect(
            try request.decoded().batch.contents == [
                SentSeries(["__name__": "before"], [(1, 1)]), SentSeries(labels, [(1, 1)]),
                SentSeries(labels, [(1, 1)]), SentSeries(["__name__": "after"], [(1, 1)]),
            ]
        )
    }

    @Test("a label that is no protobuf makes the whole request malformed, wherever it stands")
    func malformedLabel() {
        for bad: [UInt8] in [[0x0a], [0x0a, 5, 1], [0x0b], [0x12, 0xff, 0xff]] {
            for isFirst in [true, false] {
                var series: [UInt8] = []
                if isFirst { series.appendField(1, bytes: bad) }
                series.appendField(1, bytes: WriteRequest.label(Array("__name__".utf8), Array("up".utf8)))
                series.appendField(2, bytes: WriteRequest.sample(1, 1))
                if !isFirst { series.appendField(1, bytes: bad) }
                var request = WriteRequest()
                request.add(series: series)
                #expect(throws: IntakeError.self, "\(bad)") { try request.decoded() }
            }
        }
    }
}
