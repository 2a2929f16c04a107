import Model
import Rules
import Testing

@testable import Outbound

@Suite struct ReceiverGroupTests {
    private let settings: ReceiverSettings = {
        var settings = ReceiverSettings(name: "r", form: .webhook, url: "http://r")
        settings.times = ReceiverSettings.Times(
            waitMillis: 10_000,
            intervalMillis: 60_000,
            repeatMillis: 600_000
        )
        return settings
    }()

    private func at(_ seconds: Int64) -> Timestamp { Timestamp(millis: seconds * 1000) }

    /// What a message says: `+` for what fires, `-` for what is over.
    private func text(_ message: [ReceiverAlert]) -> String {
        message.map { ($0.isFiring ? "+" : "-") + ($0.alert.labels["job"] ?? "") }.joined(separator: " ")
    }

    private func alert(
        _ job: String,
        from start: Int64 = 1000,
        until end: Int64 = 5000,
        isResolved: Bool = false
    )
        -> AlertNotification
    {
        AlertNotification("A", labels: ["job": job], from: start, until: end, isResolved: isResolved)
    }

    @Test("A message waits for others to join, changes wait for the interval, the same is repeated later")
    func times() {
        var group = ReceiverGroup(name: "A", settings, at: at(1000))
        group.take(alert("a"))
        #expect(group.due(at: at(1000)) == at(1010))
        group.take(alert("b"))
        var message = group.message(at: at(1010))
        #expect(text(message) == "+a +b")
        group.confirm(message, at: at(1010))
        // Told again by the rule, nothing is new.
        group.take(alert("a"))
        #expect(group.due(at: at(1020)) == at(1610))
        group.take(alert("c", from: 1030))
        #expect(group.due(at: at(1030)) == at(1070))
        message = group.message(at: at(1070))
        #expect(text(message) == "+a +b +c")
        group.confirm(message, at: at(1070))
        group.take(alert("b", until: 1100, isResolved: true))
        #expect(group.due(at: at(1100)) == at(1130))
        message = group.message(at: at(1130))
        #expect(text(message) == "+a -b +c")
        group.confirm(message, at: at(1130))
        #expect(text(group.message(at: at(1131))) == "+a +c")
        #expect(group.due(at: at(1131)) == at(1730))
    }

    @Test("The end is told once; what was never told as firing is not told as over")
    func ends() {
        var group = ReceiverGroup(name: "A", settings, at: at(1000))
        group.take(alert("a", until: 1005, isResolved: true))
        #expect(group.isEmpty)
        group.take(alert("a"))
        group.take(alert("a", until: 1005, isResolved: true))
        group.prune(at: at(1010))
        #expect(group.isEmpty)
        group.take(alert("b"))
        group.confirm(group.message(at: at(1010)), at: at(1010))
        group.take(alert("b", until: 1100, isResolved: true))
        let message = group.message(at: at(1100))
        #expect(text(message) == "-b")
        // It fires anew while the message is on its way.
        group.take(alert("b", from: 1101))
        group.confirm(message, at: at(1102))
        #expect(text(group.message(at: at(1103))) == "+b")
        group.take(alert("b", from: 1101, until: 1200, isResolved: true))
        group.confirm(group.message(at: at(1200)), at: at(1200))
        #expect(group.isEmpty)
        #expect(group.due(at: at(1201)) == nil)
    }

    @Test("An alert that is not heard of any more is over at its end")
    func silence() {
        var group = ReceiverGroup(name: "A", settings, at: at(1000))
        group.take(alert("a", until: 1240))
        group.confirm(group.message(at: at(1010)), at: at(1010))
        #expect(group.due(at: at(1011)) == at(1240))
        #expect(text(group.message(at: at(1240))) == "-a")
        #expect(group.due(at: at(1240)) == at(1070))
    }

    @Test("The end is not told if that is not wanted")
    func unwantedEnds() {
        var settings = settings
        settings.tellsResolved = false
        var group = ReceiverGroup(name: "A", settings, at: at(1000))
        group.take(alert("a"))
        group.take(alert("b"))
        group.confirm(group.message(at: at(1010)), at: at(1010))
        group.take(alert("a", until: 1100, isResolved: true))
        group.prune(at: at(1100))
        #expect(text(group.message(at: at(1100))) == "+b")
        #expect(group.due(at: at(1100)) == at(1610))
        group.take(alert("b", until: 1100, isResolved: true))
        group.prune(at: at(1100))
        #expect(group.isEmpty)
    }

    @Test("A message that cannot be sent is due again later, and tells what is true then")
    func failures() {
        var group = ReceiverGroup(name: "A", settings, at: at(1000))
        let backoff = Backoff(firstMillis: 1000, lastMillis: 3000)
        group.take(alert("a"))
        for (now, next) in [(1010, 1011), (1011, 1013), (1013, 1016), (1016, 1019)] as [(Int64, Int64)] {
            group.fail(at: at(now), backoff)
            #expect(group.due(at: at(now)) == at(next))
        }
        group.take(alert("b"))
        #expect(text(group.message(at: at(1019))) == "+a +b")
        group.confirm(group.message(at: at(1019)), at: at(1019))
        #expect(group.due(at: at(1019)) == at(1619))
    }
}
