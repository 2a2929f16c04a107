import Model
import Testing

@testable import APIServer
@testable import PromQL

@Suite struct QueryAnswerPiecesTests {
    @Test("a large matrix comes in pieces of bounded size that join to the whole")
    func writesPieces() {
        let count = 60_000
        let column = SampleColumn(
            timestamps: (0..<count).map { Int64($0) * 1500 },
            values: (0..<count).map { Double($0) / 3 }
        )
        let series = (0..<3).map { RangeSeries(labels: Labels(["n": "\($0)"]), column: column) }
        let answer = QueryAnswer(value: .matrix(series), warnings: ["w"], infos: ["i"])
        var pieces = QueryAnswerPieces(answer, statistics: nil)
        var whole: [UInt8] = []
        var pieceCount = 0
        while let piece = pieces.next() {
            #expect(piece.count < QueryAnswerPieces.pieceByteCount + 4096)
            whole += piece
            pieceCount += 1
        }
        var samples: [String] = []
        for index in 0..<count {
            var text: [UInt8] = []
            ValueText.append(Timestamp(millis: column.timestamps[index]), to: &text)
            samples.append(
                "[\(String(decoding: text, as: UTF8.self)),\"\(ValueText.format(column.values[index]))\"]"
            )
        }
        let values = samples.joined(separator: ",")
        let all = (0..<3).map { "{\"metric\":{\"n\":\"\($0)\"},\"values\":[\(values)]}" }
        let expected =
            "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[\(all.joined(separator: ","))]},"
            + "\"warnings\":[\"w\"],\"infos\":[\"i\"]}"
        #expect(pieceCount > 10)
        #expect(whole.elementsEqual(expected.utf8))
    }

    @Test("a long list comes in pieces that join to the whole, and holds its memory until then")
    func writesLists() throws {
        let budget = QueryBudget(memoryLimitBytes: 1000)
        let items = (0..<100_000).map { "value-\($0)" }
        var pieces: ListPieces<String>? = ListPieces(
            items,
            warnings: ["w"],
            try HeldMemory.charge(600, to: budget)
        ) { $0.string($1) }
        #expect(throws: SourceError.self) { try HeldMemory.charge(600, to: budget) }
        var whole: [UInt8] = []
        var pieceCount = 0
        while let piece = pieces?.next() {
            #expect(piece.count < QueryAnswerPieces.pieceByteCount + 4096)
            whole += piece
            pieceCount += 1
        }
        let list = items.map { "\"\($0)\"" }.joined(separator: ",")
        let expected = "{\"status\":\"success\",\"data\":[\(list)],\"warnings\":[\"w\"]}"
        #expect(pieceCount > 5)
        #expect(whole.elementsEqual(expected.utf8))
        pieces = nil
        _ = try HeldMemory.charge(600, to: budget)
    }

    @Test("an empty list is one")
    func writesEmptyList() throws {
        let memory = try HeldMemory.charge(0, to: .unlimited())
        var pieces = ListPieces<String>([], warnings: [], memory) { $0.string($1) }
        let (only, nothing) = (pieces.next(), pieces.next())
        #expect(String(decoding: try #require(only), as: UTF8.self) == "{\"status\":\"success\",\"data\":[]}")
        #expect(nothing == nil)
    }

    @Test("statistics name the levels of rollups that were read, if any were")
    func writesLevels() throws {
        let budget = QueryBudget.unlimited()
        func text() throws -> String {
            let statistics = QueryStatistics(budget, evaluationSeconds: 0, queueSeconds: 0)
            let answer = QueryAnswer(value: .vector([]), warnings: [], infos: [])
            var pieces = QueryAnswerPieces(answer, statistics: statistics)
            let piece = pieces.next()
            return String(decoding: try #require(piece), as: UTF8.self)
        }
        #expect(try !text().contains("rollups"))
        budget.noteRead(.day, bucketCount: 400)
        budget.noteRead(.fiveMinutes, bucketCount: 24)
        #expect(try text().contains(#""peakSamples":0},"rollups":{"5m":24,"1d":400}}}"#))
    }

    @Test("an empty vector and an empty matrix are empty lists")
    func writesEmpty() {
        for (value, name) in [(QueryValue.vector([]), "vector"), (.matrix([]), "matrix")] {
            var pieces = QueryAnswerPieces(
                QueryAnswer(value: value, warnings: [], infos: []),
                statistics: nil
            )
            let text = pieces.next().map { String(decoding: $0, as: UTF8.self) }
            #expect(text == #"{"status":"success","data":{"resultType":"\#(name)","result":[]}}"#)
            #expect(pieces.next() == nil)
        }
    }

    @Test("native histograms have a list of their own, with the buckets that are not empty")
    func writesHistograms() {
        var histogram = NativeHistogram(zeroThreshold: 0.5, zeroCount: 2, count: 7, sum: -1.5)
        histogram.positive.append(index: 1, count: 3)
        histogram.positive.append(index: 2, count: 0)
        histogram.negative.append(index: 0, count: 2)
        let text =
            #"[1,{"count":"7","sum":"-1.5","buckets":"#
            + #"[[1,"-1","-0.5","2"],[3,"-0.5","0.5","2"],[0,"1","2","3"]]}]"#
        let sample = InstantSample(
            labels: Labels(["a": "b"]),
            time: Timestamp(millis: 1000),
            value: 0,
            histogram: histogram
        )
        #expect(
            written(.vector([sample]))
                == #"{"resultType":"vector","result":[{"metric":{"a":"b"},"histogram":\#(text)}]}"#
        )
        var column = SampleColumn()
        column.append(millis: 500, value: 3)
        column.append(millis: 1000, histogram: histogram)
        column.append(millis: 2000, histogram: NativeHistogram())
        #expect(
            written(.matrix([RangeSeries(labels: .empty, column: column)]))
                == #"{"resultType":"matrix","result":[{"metric":{},"values":[[0.500,"3"]],"#
                + #""histograms":[\#(text),[2,{"count":"0","sum":"0"}]]}]}"#
        )
        column = SampleColumn()
        column.append(millis: 2000, histogram: NativeHistogram())
        #expect(
            written(.matrix([RangeSeries(labels: .empty, column: column)]))
                == #"{"resultType":"matrix","result":[{"metric":{},"histograms":[[2,{"count":"0","sum":"0"}]]}]}"#
        )
    }

    private func written(_ value: QueryValue) -> String {
        var pieces = QueryAnswerPieces(QueryAnswer(value: value, warnings: [], infos: []), statistics: nil)
        var bytes: [UInt8] = []
        while let piece = pieces.next() { bytes += piece }
        let text = String(decoding: bytes, as: UTF8.self)
        return String(text.dropFirst(#"{"status":"success","data":"#.count).dropLast())
    }
}
