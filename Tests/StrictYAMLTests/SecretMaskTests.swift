import Testing

@testable import StrictYAML

@Suite("A settings file that is shown")
struct SecretMaskTests {
    @Test("has a mask for every secret, and no comments")
    func masks() {
        let text = """
            # password: in a comment
            alerting:
              alertmanagers:
              - basic_auth: {username: ann, password: hunter1}
                authorization:
                  credentials: |
                    hunter2
                    hunter2
                http_headers: {X-Key: {secrets: [hunter3, hunter3], values: [open]}}
                proxy_url: http://user:hunter4@proxy:3128
                tls_config: {cert_file: c.pem, key: hunter5}
                static_configs: [{targets: ["127.0.0.1:9093"]}]
            sextant:
              receivers:
              - {name: ops, webhook: {url: "https://hooks.example/hunter6"}}
            """
        let shown = SecretMask.masked(text)
        #expect(!shown.contains("hunter") && !shown.contains("comment"))
        for word in ["ann", "open", "c.pem", "127.0.0.1:9093", "ops", "<secret>"] {
            #expect(shown.contains(word), "\(word) in \(shown)")
        }
        #expect(SecretMask.masked("global: {}\n").contains("global"))
        #expect(SecretMask.masked("a: [") == "" && SecretMask.masked("") == "")
    }
}
