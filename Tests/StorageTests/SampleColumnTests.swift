import Model
import Testing

@testable import Storage

@Suite struct SampleColumnTests {
    @Test("Merging keeps the newer sample of equal times, slicing cuts at both ends", arguments: 0..<50)
    func mergeAndSlice(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        func column(_ value: Double) -> SampleColumn {
            let times = Set(
                (0..<Int.random(in: 0..<15, using: &random)).map { _ in
                    Int64.random(in: 0..<30, using: &random)
                }
            )
            return SampleColumn(timestamps: times.sorted(), values: times.map { _ in value })
        }
        let (old, new) = (column(1), column(2))
        let merged = old.merged(with: new)
        #expect(merged.bits == old.bits.merging(new.bits) { $1 }, "seed \(seed)")
        #expect(merged.timestamps == merged.bits.keys.sorted(), "seed \(seed)")
        let range = TimeRange(
            Timestamp(millis: .random(in: -2..<32, using: &random)),
            Timestamp(millis: .random(in: -2..<32, using: &random))
        )
        let sliced = merged.sliced(to: range)
        #expect(
            sliced.bits == merged.bits.filter { range.contains(Timestamp(millis: $0.key)) },
            "seed \(seed)"
        )
    }
}
