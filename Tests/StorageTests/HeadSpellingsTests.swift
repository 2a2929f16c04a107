import Model
import Synchronization
import Testing

@testable import Storage

@Suite("Spellings of the head")
struct HeadSpellingsTests {
    /// Packed fields in the opposite order of labels: never recognised, but read.
    private final class Backwards: LabelSpelling {
        let readCount = Mutex(0)

        static func spelled(_ labels: Labels) -> [UInt8] {
            labels.reversed().flatMap { Labels([$0]).packed }
        }

        func isEqual(_ spelled: UnsafeRawBufferPointer, packed: UnsafeRawBufferPointer) -> Bool { false }

        func labels(_ spelled: UnsafeRawBufferPointer) throws(LabelRefusal) -> Labels {
            readCount.withLock { $0 += 1 }
            return unsafe Labels(Labels(trusted: Array(spelled)))
        }
    }

    /// The same bytes with another meaning: all names and values are `x`.
    private final class Other: LabelSpelling {
        func isEqual(_ spelled: UnsafeRawBufferPointer, packed: UnsafeRawBufferPointer) -> Bool {
            unsafe labels(spelled).packed.elementsEqual(packed)
        }

        func labels(_ spelled: UnsafeRawBufferPointer) -> Labels { Labels(["__name__": "x", "x": "x"]) }
    }

    private static let sets = (0..<50).map { Labels(["__name__": "m", "i": "\($0)", "a": "\($0 % 7)"]) }

    private static func batch(_ millis: Int64, _ spelling: any LabelSpelling) -> SampleBatch {
        var bytes: [UInt8] = []
        var series: [SampleBatch.Series] = []
        for labels in sets {
            let start = bytes.count
            bytes += Backwards.spelled(labels)
            series.append(
                SampleBatch.Series(labels: start..<bytes.count, samples: series.count..<series.count + 1)
            )
        }
        return SampleBatch(
            labelBytes: bytes,
            spelling: spelling,
            series: series,
            timestamps: sets.map { _ in millis },
            values: sets.indices.map { Double($0) + Double(millis) }
        )
    }

    @Test("labels in an order of the client's own are read until they are remembered")
    func anyOrder() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, TestClock(1_000_000))
        let spelling = Backwards()
        var counts: [Int] = []
        for millis in Int64(1)...20 {
            let outcome = try await store.append(HeadSpellingsTests.batch(millis, spelling))
            #expect(outcome.storedSampleCount == 50)
            counts.append(spelling.readCount.withLock { $0 })
        }
        let learned = Int(Head.leastSpelledSampleCount) + 1
        #expect(counts[0] == 50 && counts[learned - 2] == 50 * (learned - 1))
        #expect(counts.dropFirst(learned).allSatisfy { $0 == counts[learned] })
        let found = try store.read()
        #expect(found.count == 50)
        for (index, labels) in HeadSpellingsTests.sets.enumerated() {
            #expect(found[labels]?.values == (1...20).map { Double(index) + Double($0) })
        }
        store.close()
    }

    @Test("the same bytes in another spelling, or packed, are other labels")
    func otherKinds() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, TestClock(1_000_000))
        let spelling = Backwards()
        for millis in Int64(1)...20 { _ = try await store.append(HeadSpellingsTests.batch(millis, spelling)) }
        _ = try await store.append(HeadSpellingsTests.batch(21, Other()))
        var packed = SampleBatch()
        for labels in HeadSpellingsTests.sets { packed.append(labels, Timestamp(millis: 22), 1) }
        _ = try await store.append(packed)
        let found = try store.read()
        #expect(found.count == 51)
        #expect(found[Labels(["__name__": "x", "x": "x"])]?.timestamps == [21])
        for labels in HeadSpellingsTests.sets {
            #expect(found[labels]?.timestamps == Array(1...20) + [22])
        }
        store.close()
    }

    @Test("when there is no more room, nothing is remembered")
    func room() {
        var spellings = HeadSpellings(mostBytes: 16 << 10)
        defer { unsafe spellings.free() }
        var numbers: [UInt32] = []
        func spelled(_ number: Int) -> [UInt8] { Array("some labels and \(number)".utf8) }
        for number in 0..<10_000 {
            let added = unsafe spelled(number).withUnsafeBytes { unsafe spellings.add($0) }
            guard let added else { break }
            numbers.append(added)
        }
        #expect(numbers.count > 50 && numbers.count < 1000)
        // Memory comes in blocks.
        #expect(spellings.byteCount <= 32 << 10)
        for (index, number) in numbers.enumerated() {
            #expect(unsafe spelled(index).withUnsafeBytes { unsafe spellings.isEqual(number, $0) })
            #expect(unsafe !spelled(index + 1).withUnsafeBytes { unsafe spellings.isEqual(number, $0) })
        }
    }
}
