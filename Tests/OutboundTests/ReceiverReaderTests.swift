import Model
import StrictYAML
import Testing

@testable import Outbound

@Suite struct ReceiverReaderTests {
    /// The receivers of a list in YAML.
    private func receivers(_ text: String, file: String = "dir/s.yaml") throws -> [ReceiverSettings] {
        var reader = StrictReader(file: file)
        var receivers: [ReceiverSettings] = []
        if let root = reader.document("receivers:\n \(text)"),
            let fields = reader.fields(of: root, owner: "the test", known: ["receivers"])
        {
            receivers = ReceiverReader.receivers(fields, "receivers", &reader)
        }
        try reader.finish()
        return receivers
    }

    @Test("Everything arrives, with defaults for what is left out")
    func everything() throws {
        let folder = try TestFolder()
        try folder.write("https://hooks.slack.example/T/B/x\n", to: "slack")
        let found = try receivers(
            """
            - name: hook
               webhook: {url: 'http://h/x', bearer_token: t, timeout: 3s}
             - name: chat
               slack: {url_file: slack, channel: '#a', username: S}
               match: '{severity="page"}'
               send_resolved: false
               group_wait: 0s
               group_interval: 1m
               repeat_interval: 1h
            """,
            file: folder.path + "/s.yaml"
        )
        try #require(found.count == 2)
        #expect(found[0].form == .webhook)
        #expect(found[0].url == "http://h/x")
        #expect(found[0].timeoutMillis == 3000)
        #expect(found[0].client.credentials == .scheme("Bearer", .text("t")))
        #expect(found[0].tellsResolved && found[0].matchers.isEmpty)
        #expect(found[0].times == ReceiverSettings.Times())
        #expect(found[1].form == .slack(channel: "#a", username: "S"))
        #expect(found[1].url == "https://hooks.slack.example/T/B/x")
        #expect(!found[1].tellsResolved)
        #expect(found[1].matchers == [Matcher("severity", .equal, "page")])
        #expect(
            found[1].times
                == ReceiverSettings.Times(waitMillis: 0, intervalMillis: 60_000, repeatMillis: 3_600_000)
        )
    }

    @Test(
        "Faults are named with their places, addresses are not shown",
        arguments: [
            ("[{webhook: {url: 'http://x'}}]", "2:3: a receiver needs a name"),
            ("[{name: a}]", "2:3: a receiver needs either webhook or slack"),
            ("[{name: a, webhook: {}, slack: {}}]", "2:3: a receiver needs either webhook or slack"),
            ("[{name: a, webhook: {timeout: 1s}}]", "2:22: a receiver needs url or url_file"),
            ("[{name: a, webhook: {url: 'secret'}}]", "2:28: url has to be an http:// or https:// address"),
            (
                "[{name: a, webhook: {url: 'http://x', channel: y}}]",
                "2:40: unknown field \"channel\" in webhook"
            ),
            (
                "[{name: a, webhook: {url: 'http://x'}, match: '{a'}]",
                "2:48: match is no selector such as {severity=\"page\"}: "
            ),
            (
                "[{name: a, webhook: {url: 'http://x'}, repeat_interval: 0}]",
                "2:58: repeat_interval must not be 0"
            ),
            (
                "[{name: a, webhook: {url: 'http://x'}}, {name: a, webhook: {url: 'http://x'}}]",
                "2:42: there is already a receiver \"a\""
            ),
        ]
    )
    func faults(_ text: String, _ problem: String) {
        do {
            _ = try receivers(text)
            Issue.record("no error")
        } catch {
            #expect("\(error)".hasPrefix("dir/s.yaml:" + problem), "\(error)")
        }
    }
}
