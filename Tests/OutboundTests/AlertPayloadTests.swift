import Model
import Rules
import Testing

@testable import Outbound

@Suite struct AlertPayloadTests {
    /// What Prometheus 3.5.3 posted for two alerts.
    ///
    /// It writes `<`, `>` and
    /// `&` as escapes, which say the same.
    @Test("The body has the fields of Prometheus's, in its order")
    func body() {
        let first = AlertNotification(
            labels: Labels(["alertname": "Fires", "region": "eu", "severity": "page", "é": "ü"]),
            annotations: [Label("empty", ""), Label("summary", "value 1 <&> \"q\" é\ttab")],
            startsAt: Timestamp(millis: 1_764_065_536_184),
            endsAt: Timestamp(millis: 1_764_065_556_000),
            generatorURL: "http://vm:19390/graph?g0.expr=vector%281%29+%3E+0&g0.tab=1",
            isResolved: false
        )
        var second = first
        second.labels = Labels(["alertname": "Bare"])
        second.annotations = []
        second.generatorURL = ""
        let expected =
            #"[{"annotations":{"empty":"","summary":"value 1 <&> \"q\" é\ttab"},"#
            + #""endsAt":"2025-11-25T10:12:36.000Z","startsAt":"2025-11-25T10:12:16.184Z","#
            + #""generatorURL":"http://vm:19390/graph?g0.expr=vector%281%29+%3E+0&g0.tab=1","#
            + #""labels":{"alertname":"Fires","region":"eu","severity":"page","é":"ü"}},"#
            + #"{"endsAt":"2025-11-25T10:12:36.000Z","startsAt":"2025-11-25T10:12:16.184Z","#
            + #""labels":{"alertname":"Bare"}}]"#
        #expect(String(decoding: AlertPayload.body(of: [first, second]), as: UTF8.self) == expected)
    }

    @Test("Control characters are escaped")
    func control() {
        var json = JSONText()
        json.string("a\u{1}\n\r\\\u{1f}\u{7f}")
        #expect(String(decoding: json.bytes, as: UTF8.self) == #""a\u0001\n\r\\\u001f"# + "\u{7f}\"")
    }
}
