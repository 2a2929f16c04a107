import Logging
import Model
import Testing

@testable import sextant

@Suite struct CommandLineTests {
    @Test(
        "addresses to listen on",
        arguments: [
            ("127.0.0.1:9797", "127.0.0.1:9797", true), ("127.1.2.3:0", "127.1.2.3:0", true),
            ("localhost:1", "localhost:1", true), ("[::1]:65535", "[::1]:65535", true),
            ("0.0.0.0:9797", "0.0.0.0:9797", false), (":9797", "0.0.0.0:9797", false),
            ("[::]:9797", "[::]:9797", false), ("db.example:80", "db.example:80", false),
            ("127.0.0.1.example:80", "127.0.0.1.example:80", false),
            ("127.0.0.999:80", "127.0.0.999:80", false),
        ]
    )
    func readsAddress(_ text: String, _ shown: String, _ isLoopback: Bool) throws {
        let address = try #require(ListenAddress(text))
        #expect(address.text == shown)
        #expect(address.isLoopback == isLoopback)
    }

    @Test(
        "texts that are no address",
        arguments: ["", "9797", "a:", "a:65536", "a:-1", "::1:80", "[::1]", "[]:1", "a b:1"]
    )
    func refusesAddress(_ text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test("a message is one line, whatever is in it")
    func writesLine() {
        let line = LineLogHandler.line(
            time: Timestamp(millis: 1_435_781_451_781),
            level: .info,
            message: "a \"b\"\nlevel=error",
            metadata: ["z": "plain/word:1", "a": "two words", "e": "", "n": "x\ny=1"]
        )
        #expect(
            line == "time=2015-07-01T20:10:51.781Z level=info msg=\"a \\\"b\\\"\\nlevel=error\" "
                + "a=\"two words\" e=\"\" n=\"x\\ny=1\" z=plain/word:1\n"
        )
    }
}
