import Foundation
import Model
import Testing

@testable import Outbound

@Suite struct AlertingReaderTests {
    @Test("Everything arrives, with Prometheus's defaults for what is left out")
    func everything() throws {
        let settings = try alerting(
            """
            alert_relabel_configs: [{action: labeldrop, regex: replica}]
            alertmanagers:
            - static_configs: [{targets: ['am:9093']}]
            - scheme: https
              path_prefix: /am/
              timeout: 5s
              api_version: v2
              basic_auth: {username: u, password_file: secret}
              tls_config: {server_name: name, insecure_skip_verify: true, min_version: TLS13}
              proxy_url: http://proxy:3128
              no_proxy: localhost, .example.com
              follow_redirects: false
              enable_http2: no
              http_headers: {X-Team: {values: [ops], files: [team]}}
              static_configs: [{targets: ['a:1', 'b:2'], labels: {dc: eu}}]
              relabel_configs: [{action: keep, source_labels: [__address__], regex: 'b.*'}]
              alert_relabel_configs: [{target_label: via, replacement: b}]
            """
        )
        #expect(settings.relabelling.count == 1)
        try #require(settings.alertmanagers.count == 2)
        let first = settings.alertmanagers[0]
        #expect(first.timeoutMillis == 10_000)
        #expect(first.client == HTTPClientSettings())
        #expect(first.urls.active == ["http://am:9093/api/v2/alerts"])
        let second = settings.alertmanagers[1]
        #expect(second.timeoutMillis == 5000)
        #expect(second.client.credentials == .basic(user: .text("u"), password: .file("dir/secret")))
        #expect(second.client.tls.serverName == "name")
        #expect(second.client.tls.skipsVerification)
        #expect(second.client.tls.minimumVersion == .tls13)
        #expect(!second.client.followsRedirects)
        #expect(!second.client.isHTTP2Enabled)
        #expect(second.client.headers.map(\.name) == ["X-Team"])
        #expect(second.client.headers.first?.values == [.text("ops"), .file("dir/team")])
        #expect(second.urls.active == ["https://b:2/am/api/v2/alerts"])
        #expect(second.urls.dropped == ["https://a:1/am/api/v2/alerts"])
        #expect(second.alertRelabelling.count == 1)
    }

    @Test(
        "Ways to say who sends",
        arguments: [
            ("authorization: {credentials: c}", HTTPClientSettings.Credentials.scheme("Bearer", .text("c"))),
            ("authorization: {type: Token, credentials_file: /c}", .scheme("Token", .file("/c"))),
            ("bearer_token: c", .scheme("Bearer", .text("c"))),
            ("bearer_token_file: c", .scheme("Bearer", .file("dir/c"))),
            (
                "basic_auth: {username_file: u, password: p}",
                .basic(user: .file("dir/u"), password: .text("p"))
            ),
        ]
    )
    func credentials(_ text: String, _ credentials: HTTPClientSettings.Credentials) throws {
        let settings = try alerting("alertmanagers: [{\(text)}]")
        #expect(settings.alertmanagers.first?.client.credentials == credentials)
    }

    @Test(
        "Faults are named with their places",
        arguments: [
            (
                "alertmanager: []",
                "1:1: unknown field \"alertmanager\" in the section alerting; known are alert_relabel_configs, alertmanagers"
            ),
            (
                "alertmanagers: [{kubernetes_sd_configs: []}]",
                "1:18: \"kubernetes_sd_configs\" is not supported: Alertmanagers are found by static_configs and file_sd_configs"
            ),
            ("alertmanagers: [{oauth2: {}}]", "1:18: \"oauth2\" is not supported: put a proxy in front"),
            ("alertmanagers: [{api_version: v1}]", "1:31: api_version has to be v2, not \"v1\""),
            ("alertmanagers: [{scheme: ftp}]", "1:26: scheme has to be http or https"),
            ("alertmanagers: [{timeout: 0s}]", "1:27: timeout must not be 0"),
            (
                "alertmanagers: [{static_configs: [{targets: ['http://a']}]}]",
                "1:46: \"http://a\" is no host and port"
            ),
            (
                "alertmanagers: [{basic_auth: {}, bearer_token: x}]",
                "1:17: only one of basic_auth and bearer_token can be set"
            ),
            (
                "alertmanagers: [{basic_auth: {password: a, password_file: b}}]",
                "1:30: only one of password and password_file can be set"
            ),
            (
                "alertmanagers: [{authorization: {type: Basic}}]",
                "1:40: for the type Basic there is basic_auth"
            ),
            (
                "alertmanagers: [{tls_config: {min_version: SSL3}}]",
                "1:44: min_version has to be one of TLS10, TLS11, TLS12, TLS13"
            ),
            ("alertmanagers: [{tls_config: {ca_file: none.pem}}]", "1:40: dir/none.pem: cannot be read: "),
            (
                "alertmanagers: [{tls_config: {ca: nonsense}}]",
                "1:30: tls_config holds what is no certificate or no key: "
            ),
            ("alertmanagers: [{tls_config: {cert: x}}]", "1:30: cert and key belong together"),
            (
                "alertmanagers: [{proxy_url: 'ftp://x'}]",
                "1:29: proxy_url has to be an http:// or socks5:// address"
            ),
            ("alertmanagers: [{no_proxy: x}]", "1:17: no_proxy and proxy_connect_header need proxy_url"),
            (
                "alertmanagers: [{follow_redirects: maybe}]",
                "1:36: follow_redirects has to be true or false, not \"maybe\""
            ),
            (
                "alertmanagers: [{http_headers: {Host: {values: [a]}}}]",
                "1:33: the header field Host has a key of its own"
            ),
            (
                "alertmanagers: [{file_sd_configs: [{files: [a.txt]}]}]",
                "1:45: the names of the files have to end in .yml, .yaml or .json"
            ),
        ]
    )
    func faults(_ text: String, _ problem: String) {
        do {
            _ = try alerting(text)
            Issue.record("no error")
        } catch {
            #expect("\(error)".hasPrefix("dir/sextant.yaml:" + problem), "\(error)")
        }
    }

    @Test("Targets come from files, as YAML or JSON")
    func files() throws {
        let folder = try TestFolder()
        try folder.write("- targets: [a:1]\n  labels: {dc: eu}\n", to: "am.yml")
        try folder.write(#"[{"targets": ["b:2", "c:3"]}]"#, to: "am.json")
        let text = """
            alertmanagers:
            - file_sd_configs: [{files: [am.json, 'a*.yml', missing.yml], refresh_interval: 1m}]
              relabel_configs:
              - {source_labels: [dc], regex: (.+), target_label: __address__, replacement: '$1.example:9093'}
              - source_labels: [__meta_filepath]
                regex: '.*/am.(.*)'
                target_label: __alerts_path__
                replacement: /$1
            """
        let file = folder.path + "/sextant.yaml"
        let settings = try alerting(text, file: file)
        #expect(
            settings.alertmanagers.first?.urls.active == [
                "http://b:2/json", "http://c:3/json", "http://eu.example:9093/yml",
            ]
        )
        try folder.write("- targets: a:1\n", to: "am.yml")
        do {
            _ = try alerting(text, file: file)
            Issue.record("no error")
        } catch {
            #expect(
                "\(error)" == "\(file):2:39: \(folder.path)/am.yml:1:12: targets has to be a list, not a text"
            )
        }
    }

    @Test(
        "A proxy is used but for its exceptions",
        arguments: [
            ("http://am:9093", true), ("http://localhost:1", false), ("http://a.localhost", false),
            ("http://am.example.com", false), ("http://example.com", true), ("http://10.1.2.3:9093", false),
            ("http://11.1.2.3:9093", true), ("http://port:81", true), ("http://port:80", false),
            ("http://a.wild", false), ("http://LOCALHOST", false),
        ]
    )
    func proxies(_ target: String, _ isUsed: Bool) throws {
        let target = try #require(URL(string: target))
        let list = "localhost, .example.com,10.0.0.0/8, port:80,*.wild"
        let proxy = try #require(URL(string: "http://proxy:3128"))
        let settings = ProxySettings.server(proxy, exceptions: ProxySettings.exceptions(list), headers: [])
        #expect(settings.proxy(for: target) == (isUsed ? proxy : nil))
        let variables = ["HTTP_PROXY": "http://proxy:3128", "no_proxy": list]
        #expect(ProxySettings.environment.proxy(for: target) { variables[$0] } == (isUsed ? proxy : nil))
        #expect(ProxySettings.none.proxy(for: target) == nil)
    }
}
