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
}
