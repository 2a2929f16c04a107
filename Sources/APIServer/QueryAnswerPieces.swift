import Model
import PromQL

/// Writes the answer of a query as JSON, in pieces, so that a large one is never in memory twice.
struct QueryAnswerPieces: AnswerPieces {
    /// From how many bytes on a piece is handed out.
    static let pieceByteCount = 256 << 10

    private enum Place {
        case head
        case series(Int, sample: Int)
        case histograms(Int, place: Int)
        case foot
        case end
    }

    private let answer: QueryAnswer
    private let statistics: QueryStatistics?
    private var json = JSONWriter()
    private var place = Place.head
    private var times = TimeTexts()
    /// Whether `times` are those of the series that is being written.
    private var sharesTimes = false

    init(_ answer: QueryAnswer, statistics: QueryStatistics?) {
        self.answer = answer
        self.statistics = statistics
    }

    mutating func next() -> [UInt8]? {
        while json.bytes.count < QueryAnswerPieces.pieceByteCount {
            switch place {
            case .head: place = writeHead()
            case .series(let index, let sample): place = writeSeries(index, sample)
            case .histograms(let index, let start):
                guard case .matrix(let series) = answer.value else { return nil }
                place = writeHistograms(series[index].column, index, start)
            case .foot: place = writeFoot()
            case .end: return json.bytes.isEmpty ? nil : json.takeBytes()
            }
        }
        return json.takeBytes()
    }

    private mutating func writeHead() -> Place {
        Envelope.begin(&json)
        json.beginObject()
        json.key("resultType")
        switch answer.value {
        case .scalar(let time, let value):
            json.string("scalar")
            json.key("result")
            writeSample(time, value)
            return .foot
        case .string(let time, let text):
            json.string("string")
            json.key("result")
            json.beginArray()
            json.seconds(time)
            json.string(text)
            json.endArray()
            return .foot
        case .vector: json.string("vector")
        case .matrix: json.string("matrix")
        }
        json.key("result")
        json.beginArray()
        return .series(0, sample: 0)
    }

    private mutating func writeSeries(_ index: Int, _ sample: Int) -> Place {
        switch answer.value {
        case .vector(let samples) where index < samples.count:
            json.beginObject()
            json.key("metric")
            json.labels(samples[index].labels)
            if let histogram = samples[index].histogram {
                json.key("histogram")
                json.sample(samples[index].time, histogram)
            } else {
                json.key("value")
                writeSample(samples[index].time, samples[index].value)
            }
            json.endObject()
            return .series(index + 1, sample: 0)
        case .matrix(let series) where index < series.count:
            return writeColumn(series[index], index, sample)
        default:
            json.endArray()
            return .foot
        }
    }

    private mutating func writeColumn(_ series: RangeSeries, _ index: Int, _ start: Int) -> Place {
        let column = series.column
        let hasValues = column.histograms.count < column.count
        if start == 0 {
            json.beginObject()
            json.key("metric")
            json.labels(series.labels)
            if let texts = series.texts {
                json.key("values")
                json.array(ofWritten: texts.bytes)
                json.endObject()
                return .series(index + 1, sample: 0)
            }
            if hasValues {
                json.key("values")
                json.beginArray()
            }
            sharesTimes = column.histograms.isEmpty && times.covers(column.timestamps)
        }
        var sample = start
        while hasValues, sample < column.count {
            guard sample == start || json.bytes.count < QueryAnswerPieces.pieceByteCount else {
                return .series(index, sample: sample)
            }
            if sharesTimes {
                json.sample(times, sample, column.values[sample])
            } else if column.histograms[sample] == nil {
                writeSample(Timestamp(millis: column.timestamps[sample]), column.values[sample])
            }
            sample += 1
        }
        if hasValues { json.endArray() }
        guard column.histograms.isEmpty else { return writeHistograms(column, index, 0) }
        json.endObject()
        return .series(index + 1, sample: 0)
    }

    private mutating func writeHistograms(_ column: SampleColumn, _ index: Int, _ start: Int) -> Place {
        if start == 0 {
            json.key("histograms")
            json.beginArray()
        }
        var place = start
        while place < column.histograms.count {
            guard place == start || json.bytes.count < QueryAnswerPieces.pieceByteCount else {
                return .histograms(index, place: place)
            }
            let time = Timestamp(millis: column.timestamps[column.histograms.positions[place]])
            json.sample(time, column.histograms.values[place])
            place += 1
        }
        json.endArray()
        json.endObject()
        return .series(index + 1, sample: 0)
    }

    private mutating func writeFoot() -> Place {
        statistics?.write(to: &json)
        json.endObject()
        Envelope.end(&json, warnings: answer.warnings, infos: answer.infos)
        return .end
    }

    private mutating func writeSample(_ time: Timestamp, _ value: Double) {
        json.beginArray()
        json.seconds(time)
        json.valueString(value)
        json.endArray()
    }
}

extension QueryAnswerPieces {
    /// Writes as much of the answer as is made whole; the rest follows while it is sent.
    static func render(_ answer: QueryAnswer, _ statistics: QueryStatistics?) -> Answer {
        Answer.json(QueryAnswerPieces(answer, statistics: statistics))
    }
}

/// What a query cost, for clients that ask with `stats`.
struct QueryStatistics: Sendable {
    /// How long the evaluation took, in seconds.
    var evaluationSeconds: Double
    /// How long the query waited for others, in seconds.
    var queueSeconds: Double
    /// How many samples were read.
    var scannedSampleCount: Int
    /// The most samples that were in memory at once.
    var peakSampleCount: Int
    /// How many buckets of rollups were read in place of samples, by level; without those not read.
    var bucketCounts: [(level: RollupLevel, count: Int)]

    /// What a query with this budget cost.
    init(_ budget: QueryBudget, evaluationSeconds: Double, queueSeconds: Double) {
        self.evaluationSeconds = evaluationSeconds
        self.queueSeconds = queueSeconds
        scannedSampleCount = budget.scannedSampleCount
        peakSampleCount = budget.peakSampleCount
        bucketCounts = RollupLevel.allCases.map { ($0, budget.bucketCount($0)) }.filter { $0.1 > 0 }
    }

    func write(to json: inout JSONWriter) {
        json.key("stats")
        json.beginObject()
        json.key("timings")
        json.beginObject()
        for (name, seconds) in [
            ("evalTotalTime", evaluationSeconds), ("resultSortTime", 0), ("queryPreparationTime", 0),
            ("innerEvalTime", evaluationSeconds), ("execQueueTime", queueSeconds),
            ("execTotalTime", queueSeconds + evaluationSeconds),
        ] {
            json.key(name)
            json.number(seconds)
        }
        json.endObject()
        json.key("samples")
        json.beginObject()
        json.key("totalQueryableSamples")
        json.integer(Int64(scannedSampleCount))
        json.key("peakSamples")
        json.integer(Int64(peakSampleCount))
        json.endObject()
        if !bucketCounts.isEmpty {
            json.key("rollups")
            json.beginObject()
            for (level, count) in bucketCounts {
                json.key(level.name)
                json.integer(Int64(count))
            }
            json.endObject()
        }
        json.endObject()
    }
}
