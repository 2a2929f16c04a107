import Foundation
import Model
import Rules
import Synchronization
import Telemetry
import Testing

@testable import Outbound

@Suite(.timeLimit(.minutes(5))) struct ReceiverSenderTests {
    private let registry = Registry()
    private let start = ContinuousClock.now
    private let archive = ReceiverArchive()

    /// Runs `body` with a sender to the server, which is stopped then.
    ///
    /// The sender takes up what an earlier one told.
    private func withSender(
        _ server: CaptureServer,
        _ change: (inout ReceiverSettings) -> Void = { _ in },
        _ body: (ReceiverSender) async throws -> Void
    ) async throws {
        var settings = ReceiverSettings(name: "ops", form: .webhook, url: "http://\(server.address)/hook")
        settings.times = ReceiverSettings.Times(waitMillis: 0, intervalMillis: 0, repeatMillis: 3_600_000)
        change(&settings)
        let sender = try ReceiverSender(
            settings,
            externalURL: "http://sextant:9797",
            registry: registry,
            backoff: Backoff(firstMillis: 5, lastMillis: 20),
            memory: ReceiverMemory(archive, logger: quietLogger),
            logger: quietLogger,
            now: { [start] in
                let elapsed = (ContinuousClock.now - start).components
                return Timestamp(
                    millis: 1_100_000 + elapsed.seconds * 1000 + elapsed.attoseconds / 1_000_000_000_000_000
                )
            }
        )
        let told = await ReceiverMemory(archive, logger: quietLogger).load(["ops"])
        await sender.restore(told[ByteText("ops")] ?? [])
        do { try await body(sender) } catch {
            await sender.stop(withinMillis: 0)
            throw error
        }
        await sender.stop(withinMillis: 0)
    }

    /// Waits until so many alerts are kept.
    private func waitUntilKept(_ count: Int) async throws {
        while archive.alertCount != count { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test("What was told is known after a restart: nobody is told twice, and the end is told")
    func restart() async throws {
        let server = try await CaptureServer()
        let alerts = [
            AlertNotification("A", labels: ["job": "a"], until: 1400),
            AlertNotification("A", labels: ["job": "b"], until: 1400), AlertNotification("B", until: 1400),
        ]
        try await withSender(server) { sender in
            await sender.send(alerts)
            _ = try await server.requests(2)
            try await waitUntilKept(3)
        }
        try await withSender(server, { $0.times.waitMillis = 3_600_000 }) { sender in
            // The rules tell all that fires, and the end of one alert.
            await sender.send([
                alerts[0], AlertNotification("A", labels: ["job": "b"], until: 1100, isResolved: true),
                AlertNotification("C"),
            ])
            let third = try await server.requests(3)[2].body
            #expect(third.contains(#""alertname":"A","job":"a""#) && third.contains("\"resolved\""))
            try await waitUntilKept(2)
        }
        #expect(server.book.requests.count == 3)
        try await withSender(server) { sender in
            await sender.send([AlertNotification("A", labels: ["job": "a"], until: 1200, isResolved: true)])
            _ = try await server.requests(4)
            try await waitUntilKept(1)
        }
        // Nobody speaks of the last one any more: it is over.
        archive.shorten()
        try await withSender(server) { _ in
            let last = try await server.requests(5)[4].body
            #expect(last.contains(#""alertname":"B""#) && last.contains(#""status":"resolved","alerts""#))
            try await waitUntilKept(0)
        }
        try await server.close()
    }

    @Test("A receiver that the settings do not name any more is forgotten; what cannot be read is, too")
    func forgotten() async throws {
        let group = ReceiverGroup(
            name: "A",
            ReceiverSettings(name: "x", form: .webhook, url: ""),
            at: Timestamp(millis: 5)
        )
        let record = ReceiverRecord(group, receiver: "x", at: Timestamp(millis: 5)).record
        let damaged = RuleRecord(kind: .receiver, key: [1], value: [2])
        try await archive.commit(saved: [record, damaged], removed: [])
        let memory = ReceiverMemory(archive, logger: quietLogger)
        #expect(await memory.load(["x", "y"]).map(\.key) == [ByteText("x")])
        #expect(try await archive.ruleRecords(.receiver) == [record])
        #expect(await memory.load(["y"]).isEmpty)
        #expect(try await archive.ruleRecords(.receiver).isEmpty)
    }

    private func value(_ name: String) -> String? {
        metric("sextant_notifications_\(name){receiver=\"ops\"}", in: registry)
    }

    private func waitUntilSent(_ count: Int) async throws {
        while value("sent_total") != "\(count)" { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test("A webhook gets Alertmanager's JSON, by name of the alert, and the end")
    func webhook() async throws {
        let server = try await CaptureServer()
        try await withSender(server) { sender in
            let labels: KeyValuePairs = ["job": "a", "team": "x"]
            await sender.send([
                AlertNotification("A", labels: labels, annotations: ["summary": "s \"1\""]),
                AlertNotification("A", labels: ["job": "b", "team": "x"], annotations: ["summary": "s2"]),
            ])
            let first = try await server.requests(1)[0]
            #expect(first.uri == "/hook")
            #expect(first.headers["Content-Type"] == ["application/json"])
            #expect(
                first.body == #"{"receiver":"ops","status":"firing","alerts":[{"status":"firing","labels":"#
                    + #"{"alertname":"A","job":"a","team":"x"},"annotations":{"summary":"s \"1\""},"#
                    + #""startsAt":"1970-01-01T00:16:40.000Z","endsAt":"0001-01-01T00:00:00Z","#
                    + #""generatorURL":"http://sextant:9797/graph?g0.expr=up&g0.tab=1","fingerprint":"4aa45749c0502116"},"#
                    + #"{"status":"firing","labels":{"alertname":"A","job":"b","team":"x"},"#
                    + #""annotations":{"summary":"s2"},"startsAt":"1970-01-01T00:16:40.000Z","#
                    + #""endsAt":"0001-01-01T00:00:00Z","#
                    + #""generatorURL":"http://sextant:9797/graph?g0.expr=up&g0.tab=1","fingerprint":"e18ebd09505deab7"}],"#
                    + #""groupLabels":{"alertname":"A"},"commonLabels":{"alertname":"A","team":"x"},"#
                    + #""commonAnnotations":{},"externalURL":"http://sextant:9797","version":"4","#
                    + #""groupKey":"{}:{alertname=\"A\"}","truncatedAlerts":0}"#
            )
            try await waitUntilSent(2)
            await sender.send([AlertNotification("A", labels: labels, until: 1050, isResolved: true)])
            let second = try await server.requests(2)[1]
            #expect(second.body.contains(#""status":"firing","alerts":[{"status":"resolved""#))
            #expect(second.body.contains(#""endsAt":"1970-01-01T00:17:30.000Z""#))
        }
    }

    @Test("What fails is tried again with what is true then; what is refused is not")
    func retries() async throws {
        let server = try await CaptureServer()
        server.book.answer(500, 0, 429, 200, 400)
        try await withSender(server) { sender in
            await sender.send([AlertNotification("A")])
            _ = try await server.requests(4)
            try await waitUntilSent(1)
            #expect(value("errors_total") == "3")
            await sender.send([AlertNotification("B")])
            while value("dropped_total") != "1" { try await Task.sleep(for: .milliseconds(5)) }
            await sender.send([AlertNotification("C")])
            #expect(try await server.requests(6)[5].body.contains("\"C\""))
        }
    }

    @Test("Only alerts that match are told, and a stop sends what waits")
    func matching() async throws {
        let server = try await CaptureServer()
        let change: (inout ReceiverSettings) -> Void = {
            $0.matchers = [Matcher("severity", .equal, "page")]
            $0.times.waitMillis = 3_600_000
        }
        try await withSender(server, change) { sender in
            await sender.send([
                AlertNotification("A", labels: ["severity": "page"]), AlertNotification("B"),
            ])
            await sender.stop(withinMillis: 60_000)
            #expect(server.book.requests.count == 1)
            #expect(server.book.requests.first?.body.contains("\"A\"") == true)
        }
    }

    @Test("Slack gets a message with a line for each alert")
    func slack() async throws {
        let server = try await CaptureServer()
        try await withSender(server, { $0.form = .slack(channel: "#ops", username: nil) }) { sender in
            await sender.send([
                AlertNotification("A<b>", labels: ["job": "a&b"], annotations: ["summary": "it is *bad*"]),
                AlertNotification("A<b>", labels: ["job": "c"]),
            ])
            #expect(
                try await server.requests(1)[0].body == ##"{"channel":"#ops","username":"Sextant","##
                    + #""attachments":[{"color":"danger","title":"[FIRING:2] A&lt;b&gt;","#
                    + #""title_link":"http://sextant:9797/graph?g0.expr=up&g0.tab=1","#
                    + #""fallback":"[FIRING:2] A&lt;b&gt;","text":"• it is *bad* (job=a&amp;b)\n• (job=c)","#
                    + #""mrkdwn_in":["text"]}]}"#
            )
            try await waitUntilSent(2)
            await sender.send([
                AlertNotification("A<b>", labels: ["job": "a&b"], until: 1050, isResolved: true),
                AlertNotification("A<b>", labels: ["job": "c"], until: 1050, isResolved: true),
            ])
            let text = try await server.requests(2)[1].body
            #expect(text.contains(#""color":"good","title":"[RESOLVED] A&lt;b&gt;""#))
            #expect(text.contains(#""text":"• resolved: (job=a&amp;b)\n• resolved: (job=c)""#))
        }
    }
}

/// An archive in memory.
private final class ReceiverArchive: RuleArchive {
    private let records = Mutex<[[UInt8]: RuleRecord]>([:])

    /// How many alerts are kept.
    var alertCount: Int {
        records.withLock { $0.values.reduce(0) { $0 + (ReceiverRecord($1)?.entries.count ?? 0) } }
    }

    /// Makes what is kept old.
    func shorten() {
        records.withLock { records in
            for (key, stored) in records {
                guard var record = ReceiverRecord(stored) else { continue }
                for index in record.entries.indices { record.entries[index].validMillis = 20 }
                records[key] = record.record
            }
        }
    }

    func ruleRecords(_ kind: RuleRecord.Kind) async throws(SinkError) -> [RuleRecord] {
        records.withLock { $0.values.filter { $0.kind == kind } }
    }

    func commit(saved: [RuleRecord], removed: [RuleRecord]) async throws(SinkError) {
        records.withLock { records in
            for record in removed { records[record.key] = nil }
            for record in saved { records[record.key] = record }
        }
    }
}
