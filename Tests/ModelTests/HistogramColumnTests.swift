import Model
import Testing

/// The column of native histograms beside numbers.
@Suite("Histogram column")
struct HistogramColumnTests {
    private func column(_ positions: [Int]) -> HistogramColumn {
        var column = HistogramColumn()
        for position in positions { column.append(NativeHistogram(count: Double(position)), at: position) }
        return column
    }

    @Test("finds histograms by position and by range")
    func finds() {
        let column = column([1, 4, 7])
        #expect(column[4]?.count == 4)
        #expect(column[5] == nil)
        #expect(column.indices(in: 0..<1).isEmpty)
        #expect(column.indices(in: 1..<5) == 0..<2)
        #expect(column.indices(in: 2..<100) == 1..<3)
        #expect(HistogramColumn()[0] == nil)
    }

    @Test("filters, and merges with positions in between")
    func merges() {
        let merged = column([1, 4, 7]).merged(column([0, 5, 9]))
        #expect(merged.positions == [0, 1, 4, 5, 7, 9])
        #expect(merged.values.map(\.count) == [0, 1, 4, 5, 7, 9])
        #expect(merged.filter { $0 > 4 }.positions == [5, 7, 9])
    }

    @Test("samples of a batch keep their histograms at their places")
    func batches() {
        var samples = SampleColumn()
        samples.append(millis: 1, value: 1)
        samples.append(millis: 2, histogram: NativeHistogram(count: 2))
        var batch = SampleBatch()
        batch.append(Labels(["a": "b"]), samples)
        batch.append(Labels(["a": "c"]), samples)
        #expect(batch.histograms.positions == [1, 3])
        #expect(batch.values[1].isNaN && !StaleMarker.matches(batch.values[1]))
        samples.removeAll()
        #expect(samples.isEmpty && samples.histograms.isEmpty)
    }
}
