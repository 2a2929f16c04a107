import Model
import Testing

@testable import Storage

@Suite("Merging of selections") struct SeriesMergeTests {
    @Test("series of all sources come once, in label order, with their parts in the order of the sources")
    func random() {
        for seed in UInt64(0)..<100 {
            var random = SeededGenerator(seed: seed)
            let sourceCount = Int.random(in: 0...5, using: &random)
            var sources: [SelectedSource] = []
            var expected: [Labels: [Int64]] = [:]
            for source in 0..<sourceCount {
                let names = Set(
                    (0..<Int.random(in: 0...8, using: &random)).map { _ in
                        String(Int.random(in: 0...9, using: &random))
                    }
                )
                let labels = names.map { Labels(["__name__": "m", "i": $0]) }.sorted()
                // The time of a part's only sample tells its source.
                let heads = labels.map { _ in SeriesMergeTests.samples(at: Int64(source)) }
                for set in labels { expected[set, default: []].append(Int64(source)) }
                sources.append(SelectedSource(heads: heads, labels))
            }
            var found: [(Labels, [Int64])] = []
            SeriesMerge.run(sources) { labels, places in
                let times = places.compactMap { place -> Int64? in
                    let part = sources[Int(place.source)].part(at: Int(place.place))
                    return if case .head(let head, _) = part { head.minMillis } else { nil }
                }
                found.append((labels, times))
            }
            #expect(found.map(\.0) == expected.keys.sorted(), "seed \(seed)")
            for (labels, times) in found { #expect(times == expected[labels], "seed \(seed)") }
        }
    }

    /// What a head has of a series with one sample.
    private static func samples(at millis: Int64) -> HeadSeries {
        let head = Head()
        let series = head.add(Labels(["__name__": "m"]), retentionMillis: nil)
        _ = head.append(series, millis: millis, bits: 1)
        return head.snapshot(series)
    }
}
