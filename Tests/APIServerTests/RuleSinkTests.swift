import Model
import Telemetry
import Testing

@testable import APIServer

@Suite struct RuleSinkTests {
    /// Takes everything.
    private struct OpenSink: SampleSink {
        func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
            StagedWrite(AppendOutcome(storedSampleCount: batch.sampleCount))
        }
    }

    /// Takes nothing.
    private struct ClosedSink: SampleSink {
        func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
            throw .unavailable("closed")
        }
    }

    private static let kpi = Labels(["__name__": "kpi:x", "shop": "eu"])

    private static func batch(_ labels: Labels, _ value: Double) -> SampleBatch {
        var batch = SampleBatch()
        batch.append(labels, Timestamp(millis: 1), value)
        return batch
    }

    @Test("a KPI is recorded from its first sample to its staleness marker, its copies never")
    func remembersKPIs() async throws {
        let sink = RuleSink(OpenSink(), registry: Registry())
        #expect(!sink.isRecorded(Self.kpi))
        _ = try await sink.append(Self.batch(Self.kpi, .nan))
        #expect(sink.isRecorded(Self.kpi))
        #expect(!sink.isRecorded(Self.kpi.setting("exported_shop", "eu")))
        _ = try await sink.append(Self.batch(Self.kpi, StaleMarker.value))
        #expect(!sink.isRecorded(Self.kpi))
    }

    @Test("other recorded series and what could not be stored are not remembered")
    func ignoresOthers() async throws {
        let other = Labels(["__name__": "job:x:rate5m"])
        let sink = RuleSink(OpenSink(), registry: Registry())
        _ = try await sink.append(Self.batch(other, 1))
        #expect(!sink.isRecorded(other))
        let closed = RuleSink(ClosedSink(), registry: Registry())
        await #expect(throws: SinkError.self) { try await closed.append(Self.batch(Self.kpi, 1)) }
        #expect(!closed.isRecorded(Self.kpi))
    }
}
