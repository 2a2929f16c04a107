import Foundation
import Model
import NIOSSL
import Rules
import Synchronization
import Telemetry
import Testing

@testable import Outbound

@Suite(.timeLimit(.minutes(5))) struct AlertNotifierTests {
    private let registry = Registry()
    private let now = Moment()

    /// The time that the notifier goes by.
    private final class Moment: Sendable {
        private let seconds = Mutex<Int64>(1100)

        func set(_ value: Int64) { seconds.withLock { $0 = value } }
        func get() -> Timestamp { Timestamp(millis: seconds.withLock { $0 } * 1000) }
    }

    /// Runs `body` with a notifier of these settings, which is stopped then.
    private func withNotifier(
        _ text: String,
        external: KeyValuePairs<String, String> = [:],
        _ body: (AlertNotifier) async throws -> Void
    ) async throws {
        let notifier = AlertNotifier(
            registry: registry,
            logger: quietLogger,
            backoff: Backoff(firstMillis: 5, lastMillis: 20),
            now: { [now] in now.get() }
        )
        await notifier.replace(by: try alerting(text), externalLabels: Labels(external))
        do {
            try await body(notifier)
        } catch {
            await notifier.stop(withinMillis: 0)
            throw error
        }
        await notifier.stop(withinMillis: 0)
    }

    private func names(_ body: String) throws -> [String] {
        let alerts = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [[String: Any]] ?? []
        return alerts.compactMap { ($0["labels"] as? [String: String])?["alertname"] }
    }

    private func value(_ name: String, _ server: CaptureServer, path: String = "") -> String? {
        metric(
            "sextant_notifications_\(name){alertmanager=\"http://\(server.address)\(path)/api/v2/alerts\"}",
            in: registry
        )
    }

    @Test("Alerts are posted with external labels and credentials, relabelled for all and for one")
    func posts() async throws {
        let server = try await CaptureServer()
        let text = """
            alert_relabel_configs:
            - {action: labeldrop, regex: replica}
            - {action: drop, source_labels: [quiet], regex: yes}
            alertmanagers:
            - path_prefix: /am
              basic_auth: {username: user, password: pass}
              http_headers: {X-Team: {values: [ops]}}
              static_configs: [{targets: ['\(server.address)', '\(server.address)']}]
              alert_relabel_configs: [{target_label: via, replacement: am}]
            """
        try await withNotifier(text, external: ["region": "eu", "replica": "1", "team": "x"]) { notifier in
            await notifier.send([
                AlertNotification("A", labels: ["team": "own"]),
                AlertNotification("B", labels: ["quiet": "yes"]),
            ])
            let request = try await server.requests(1)[0]
            #expect(request.method == "POST")
            #expect(request.uri == "/am/api/v2/alerts")
            #expect(request.headers["Content-Type"] == ["application/json"])
            #expect(request.headers["Authorization"] == ["Basic dXNlcjpwYXNz"])
            #expect(request.headers["X-Team"] == ["ops"])
            #expect(
                request.body
                    == #"[{"endsAt":"1970-01-01T00:20:40.000Z","startsAt":"1970-01-01T00:16:40.000Z","#
                    + #""generatorURL":"http://sextant:9797/graph?g0.expr=up&g0.tab=1","#
                    + #""labels":{"alertname":"A","region":"eu","team":"own","via":"am"}}]"#
            )
            #expect(await notifier.urls.active == ["http://\(server.address)/am/api/v2/alerts"])
            while value("sent_total", server, path: "/am") != "1" {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        #expect(server.book.requests.count == 1)
        try await server.close()
    }

    @Test("Batches hold 256 alerts, in the order they came")
    func batches() async throws {
        let server = try await CaptureServer()
        try await withNotifier("alertmanagers: [{static_configs: [{targets: ['\(server.address)']}]}]") {
            notifier in
            await notifier.send((0..<600).map { AlertNotification("n\($0)") })
            let bodies = try await server.requests(3).map { try names($0.body) }
            #expect(bodies.map(\.count) == [256, 256, 88])
            #expect(bodies.flatMap { $0 } == (0..<600).map { "n\($0)" })
        }
        try await server.close()
    }

    @Test("What an Alertmanager cannot take waits for it, with the last that is known; others get it at once")
    func outage() async throws {
        let (first, second) = (try await CaptureServer(), try await CaptureServer())
        first.book.answer(500, 503, 429)
        let text = "alertmanagers: [{static_configs: [{targets: ['\(first.address)', '\(second.address)']}]}]"
        try await withNotifier(text) { notifier in
            await notifier.send([AlertNotification("A"), AlertNotification("B")])
            await notifier.send([AlertNotification("A", until: 1300, isResolved: true)])
            let last = try await first.requests(4).last
            let body = try #require(last?.body)
            #expect(try Set(names(body)).isSuperset(of: ["B"]))
            let all = try await second.requests(1)
            #expect(try names(all[0].body).contains("A"))
            while value("queue_length", first) != "0" { try await Task.sleep(for: .milliseconds(5)) }
            let delivered = first.book.requests.dropFirst(3).map(\.body).joined()
            #expect(delivered.contains("1970-01-01T00:21:40.000Z"))
        }
        #expect(value("dropped_total", first) == "0")
        let errors = try #require(value("errors_total", first).flatMap { Int($0) })
        #expect(errors >= 3)
        try await first.close()
        try await second.close()
    }

    @Test("A connection that breaks is a failure like others")
    func broken() async throws {
        let server = try await CaptureServer()
        server.book.answer(0, 0)
        try await withNotifier("alertmanagers: [{static_configs: [{targets: ['\(server.address)']}]}]") {
            notifier in
            await notifier.send([AlertNotification("A")])
            #expect(try await server.requests(3).map { try names($0.body) } == [["A"], ["A"], ["A"]])
            while value("sent_total", server) != "1" { try await Task.sleep(for: .milliseconds(5)) }
            #expect(value("errors_total", server) == "2")
        }
        try await server.close()
    }

    @Test("What is refused, and what nobody needs to know any more, is dropped and counted")
    func drops() async throws {
        let server = try await CaptureServer()
        server.book.answer(400, 500)
        try await withNotifier("alertmanagers: [{static_configs: [{targets: ['\(server.address)']}]}]") {
            notifier in
            await notifier.send([AlertNotification("A")])
            _ = try await server.requests(1)
            while value("dropped_total", server) != "1" { try await Task.sleep(for: .milliseconds(5)) }
            now.set(2000)
            await notifier.send([AlertNotification("B"), AlertNotification("C", until: 3000)])
            let bodies = try await server.requests(3).map { try names($0.body) }
            #expect(bodies == [["A"], ["B", "C"], ["C"]])
            #expect(value("dropped_total", server) == "2")
        }
        try await server.close()
    }

    @Test("A stop sends what waits, but not for longer than it may")
    func stop() async throws {
        let server = try await CaptureServer()
        let text = "alertmanagers: [{static_configs: [{targets: ['\(server.address)']}]}]"
        let notifier = AlertNotifier(
            registry: registry,
            logger: quietLogger,
            backoff: Backoff(firstMillis: 3_600_000, lastMillis: 3_600_000),
            now: { [now] in now.get() }
        )
        await notifier.replace(by: try alerting(text), externalLabels: .empty)
        server.book.answer(500)
        await notifier.send([AlertNotification("A")])
        while value("errors_total", server) != "1" { try await Task.sleep(for: .milliseconds(5)) }
        await notifier.stop(withinMillis: 60_000)
        #expect(server.book.requests.count == 2)
        #expect(value("sent_total", server) == "1")
        await notifier.send([AlertNotification("B")])
        #expect(server.book.requests.count == 2)
        try await server.close()
    }

    @Test("Other settings take over what waits, and who is left out gets no more")
    func reload() async throws {
        let (first, second) = (try await CaptureServer(), try await CaptureServer())
        let notifier = AlertNotifier(
            registry: registry,
            logger: quietLogger,
            backoff: Backoff(firstMillis: 3_600_000, lastMillis: 3_600_000),
            now: { [now] in now.get() }
        )
        let both = "static_configs: [{targets: ['\(first.address)', '\(second.address)']}]"
        await notifier.replace(by: try alerting("alertmanagers: [{\(both)}]"), externalLabels: .empty)
        first.book.answer(500)
        await notifier.send([AlertNotification("A")])
        while value("errors_total", first) != "1" { try await Task.sleep(for: .milliseconds(5)) }
        _ = try await second.requests(1)
        let one = "static_configs: [{targets: ['\(first.address)']}], bearer_token: t"
        await notifier.replace(by: try alerting("alertmanagers: [{\(one)}]"), externalLabels: .empty)
        let requests = try await first.requests(2)
        #expect(try names(requests[1].body) == ["A"])
        #expect(requests.map { $0.headers["Authorization"] } == [[], ["Bearer t"]])
        await notifier.send([AlertNotification("B")])
        #expect(try await names(first.requests(3)[2].body) == ["B"])
        #expect(second.book.requests.count == 1)
        await notifier.stop(withinMillis: 0)
        try await first.close()
        try await second.close()
    }

    @Test("TLS checks the certificate's authority and name, and shows one of its own")
    func tls() async throws {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(TestCertificates.certificate.utf8))
                .map { .certificate($0) },
            privateKey: .privateKey(
                try NIOSSLPrivateKey(bytes: Array(TestCertificates.key.utf8), format: .pem)
            )
        )
        configuration.trustRoots = .certificates(
            try NIOSSLCertificate.fromPEMBytes(Array(TestCertificates.authority.utf8))
        )
        configuration.certificateVerification = .noHostnameVerification
        let server = try await CaptureServer(tls: NIOSSLContext(configuration: configuration))
        let folder = try TestFolder()
        let files = [
            "ca": try folder.write(TestCertificates.authority, to: "ca.pem"),
            "cert": try folder.write(TestCertificates.certificate, to: "cert.pem"),
            "key": try folder.write(TestCertificates.key, to: "key.pem"),
        ]
        let own = "cert_file: '\(files["cert"] ?? "")', key_file: '\(files["key"] ?? "")'"
        let authority = "ca_file: '\(files["ca"] ?? "")'"
        for (tls, isTrusted) in [
            ("\(authority), \(own), server_name: alerts.example", true),
            ("\(own), insecure_skip_verify: true", true),
            ("\(authority), \(own)", false),
            ("\(own), server_name: alerts.example", false),
            ("\(authority), server_name: alerts.example", false),
        ] {
            let before = server.book.requests.count
            let settings = try alerting(
                "alertmanagers: [{scheme: https, tls_config: {\(tls)}, static_configs: [{targets: ['\(server.address)']}]}]"
            )
            let sender = try AlertmanagerSender(
                url: "https://\(server.address)/api/v2/alerts",
                settings: try #require(settings.alertmanagers.first),
                registry: Registry(),
                backoff: Backoff(firstMillis: 3_600_000, lastMillis: 3_600_000),
                logger: quietLogger,
                now: { [now] in now.get() }
            )
            await sender.send([AlertNotification("A")])
            let left = await sender.stop(withinMillis: 60_000)
            #expect(left.isEmpty == isTrusted, "\(tls)")
            #expect(server.book.requests.count == before + (isTrusted ? 1 : 0), "\(tls)")
            if isTrusted { #expect(server.book.requests.last?.headers["Host"] == [server.address]) }
        }
        try await server.close()
    }
}
