/// A hostile request and what it must be answered with.
struct HostileCase: Sendable, CustomStringConvertible {
    enum Request: Sendable {
        /// Bytes as they are sent.
        case raw([UInt8])
        /// A method, a target, header fields and a body.
        case http(String, String, [(String, String)], [UInt8]?)
    }

    let description: String
    let request: Request
    /// The status codes that are right.
    let statuses: Set<Int>
    /// What the answer must say.
    let text: String

    init(_ description: String, _ request: Request, _ statuses: Set<Int>, _ text: String = "") {
        self.description = description
        self.request = request
        self.statuses = statuses
        self.text = text
    }

    private static func get(_ path: String, _ parameters: [(String, String)]) -> Request {
        .http("GET", "\(path)?\(FormEncoding.encode(parameters))", [], nil)
    }

    private static func form(_ path: String, _ parameters: [(String, String)]) -> Request {
        .http(
            "POST",
            path,
            [("Content-Type", "application/x-www-form-urlencoded")],
            Array(FormEncoding.encode(parameters).utf8)
        )
    }

    private static func raw(_ text: String) -> Request { .raw(Array(text.utf8)) }

    private static func write(_ body: [UInt8]) -> Request {
        .http("POST", "/api/v1/write", RemoteWrite.headers, body)
    }

    private static func text(_ body: String) -> Request { importing(Array(body.utf8)) }

    private static func importing(_ body: [UInt8], _ fields: [(String, String)] = []) -> Request {
        .http("POST", "/api/v1/import/prometheus", fields, body)
    }

    private static func repeated(_ text: String, _ count: Int) -> String {
        String(repeating: text, count: count)
    }

    /// All cases; `now` is in milliseconds.
    static func all(now: Int64) -> [HostileCase] {
        framing + heads + addresses + queries + ranges + labels(now: now) + writes(now: now) + imports
            + browsers
    }

    // MARK: - Framing (T6)

    private static let start = "POST /api/v1/write HTTP/1.1\r\nHost: localhost\r\n"
    private static let getStart = "GET /-/ready HTTP/1.1\r\nHost: localhost\r\n"

    static let framing: [HostileCase] = [
        HostileCase(
            "CL and TE",
            raw(start + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            [400],
            "both Content-Length"
        ),
        HostileCase(
            "TE and CL",
            raw(start + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
            [400],
            "both Content-Length"
        ),
        HostileCase(
            "two different lengths",
            raw(start + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd"),
            [400],
            "two fields Content-Length"
        ),
        HostileCase(
            "two equal lengths",
            raw(start + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd"),
            [400],
            "two fields Content-Length"
        ),
        HostileCase(
            "a list of lengths",
            raw(start + "Content-Length: 4, 4\r\n\r\nabcd"),
            [400],
            "Content-Length is no number"
        ),
        HostileCase(
            "a negative length",
            raw(start + "Content-Length: -1\r\n\r\n"),
            [400],
            "Content-Length is no number"
        ),
        HostileCase(
            "a length with a sign",
            raw(start + "Content-Length: +4\r\n\r\nabcd"),
            [400],
            "Content-Length is no number"
        ),
        HostileCase(
            "a hexadecimal length",
            raw(start + "Content-Length: 0x4\r\n\r\nabcd"),
            [400],
            "Content-Length is no number"
        ),
        HostileCase(
            "an empty length",
            raw(start + "Content-Length: \r\n\r\n"),
            [400],
            "Content-Length is no number"
        ),
        HostileCase(
            "a length beyond 64 bits",
            raw(start + "Content-Length: 99999999999999999999999\r\n\r\n"),
            [400],
            "Content-Length is no number"
        ),
        HostileCase(
            "a length at the end of 64 bits",
            raw(start + "Content-Length: 9223372036854775807\r\n\r\n"),
            [400],
            "Content-Length is no number"
        ),
        HostileCase(
            "TE gzip, chunked",
            raw(start + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            [400],
            "only Transfer-Encoding"
        ),
        HostileCase(
            "TE identity",
            raw(start + "Transfer-Encoding: identity\r\n\r\n"),
            [400],
            "only Transfer-Encoding"
        ),
        HostileCase(
            "TE xchunked",
            raw(start + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
            [400],
            "only Transfer-Encoding"
        ),
        HostileCase(
            "TE twice",
            raw(start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            [400],
            "two fields Transfer"
        ),
        HostileCase(
            "TE with a vertical tab",
            raw(start + "Transfer-Encoding: \u{0b}chunked\r\n\r\n0\r\n\r\n"),
            [400],
            "control character"
        ),
        HostileCase(
            "TE in HTTP/1.0",
            raw("POST /api/v1/write HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            [400],
            "HTTP/1.0"
        ),
        HostileCase(
            "a blank before the colon",
            raw(start + "Content-Length : 4\r\n\r\nabcd"),
            [400],
            "proper name"
        ),
        HostileCase(
            "a bare LF after the request line",
            raw("GET /-/ready HTTP/1.1\nHost: localhost\r\n\r\n"),
            [400],
            "LF without CR"
        ),
        HostileCase(
            "a bare LF after a field",
            raw("GET /-/ready HTTP/1.1\r\nHost: localhost\n\r\n"),
            [400],
            "LF without CR"
        ),
        HostileCase(
            "a bare LF at the end of the head",
            raw("GET /-/ready HTTP/1.1\r\nHost: localhost\r\n\n"),
            [400],
            "LF without CR"
        ),
        HostileCase("a bare CR in a field", raw(getStart + "X: a\rb\r\n\r\n"), [400], "control character"),
        HostileCase("a folded field", raw(getStart + "X: a\r\n b\r\n\r\n"), [400], "second line"),
        HostileCase("a field folded by a tab", raw(getStart + "X: a\r\n\tb\r\n\r\n"), [400], "second line"),
        HostileCase("NUL in a value", raw(getStart + "X: a\u{0}b\r\n\r\n"), [400], "control character"),
        HostileCase("NUL in a name", raw(getStart + "X\u{0}Y: a\r\n\r\n"), [400], "proper name"),
        HostileCase("a field without a name", raw(getStart + ": a\r\n\r\n"), [400], "proper name"),
        HostileCase("a field without a colon", raw(getStart + "nonsense\r\n\r\n"), [400], "proper name"),
        HostileCase("a name that is no token", raw(getStart + "X(Y): a\r\n\r\n"), [400], "proper name"),
        HostileCase(
            "a chunk size that is no number",
            raw(start + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            [400],
            "hexadecimal"
        ),
        HostileCase(
            "a negative chunk size",
            raw(start + "Transfer-Encoding: chunked\r\n\r\n-1\r\n"),
            [400],
            "hexadecimal"
        ),
        HostileCase(
            "a chunk size of 2^64",
            raw(start + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n"),
            [400],
            "hexadecimal"
        ),
        HostileCase(
            "an empty chunk size",
            raw(start + "Transfer-Encoding: chunked\r\n\r\n\r\n"),
            [400],
            "hexadecimal"
        ),
        HostileCase(
            "a chunk longer than its size",
            raw(start + "Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n"),
            [400],
            "chunk"
        ),
        HostileCase(
            "a bare LF behind a chunk size",
            raw(start + "Transfer-Encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n"),
            [400],
            "LF without CR"
        ),
        HostileCase(
            "a chunk extension without end",
            raw(start + "Transfer-Encoding: chunked\r\n\r\n2;" + repeated("x", 4000)),
            [400],
            "hexadecimal"
        ),
        HostileCase(
            "a trailer that is no field",
            raw(start + "Transfer-Encoding: chunked\r\n\r\n0\r\nnonsense\r\n\r\n"),
            [400],
            "proper name"
        ),
        HostileCase(
            "trailers without end",
            raw(start + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + repeated("X: y\r\n", 300)),
            [431],
            "header_fields"
        ),
    ]

    static let heads: [HostileCase] = [
        HostileCase("no HTTP", raw("hello\r\n\r\n"), [400], "request line"),
        HostileCase(
            "TLS",
            .raw([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x0a]),
            [400],
            "LF without CR"
        ),
        HostileCase("HTTP/0.9", raw("GET /\r\n\r\n"), [400], "request line"),
        HostileCase("HTTP/2 by prior knowledge", raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), [505], "HTTP/1.1"),
        HostileCase("HTTP/3.0", raw("GET / HTTP/3.0\r\nHost: localhost\r\n\r\n"), [505], "HTTP/1.1"),
        HostileCase("HTTP/1.11", raw("GET / HTTP/1.11\r\nHost: localhost\r\n\r\n"), [505], "HTTP/1.1"),
        HostileCase("no version", raw("GET / FTP/1.0\r\nHost: localhost\r\n\r\n"), [400], "version"),
        HostileCase("two blanks", raw("GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n"), [400], "request line"),
        HostileCase(
            "a tab for a blank",
            raw("GET\t/ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            [400],
            "request line"
        ),
        HostileCase(
            "a method in lower case",
            raw("get / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            [400],
            "request line"
        ),
        HostileCase("no host", raw("GET / HTTP/1.1\r\n\r\n"), [400], "no field Host"),
        HostileCase(
            "two hosts",
            raw("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
            [400],
            "two fields Host"
        ),
        HostileCase(
            "an absolute target",
            raw("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            [400],
            "target"
        ),
        HostileCase(
            "CONNECT",
            raw("CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            [400],
            "target"
        ),
        HostileCase("OPTIONS *", raw("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"), [400], "target"),
        HostileCase(
            "NUL in the target",
            raw("GET /\u{0} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            [400],
            "control"
        ),
        HostileCase(
            "an address of 40 KiB",
            raw("GET /\(repeated("a", 40_000)) HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            [414],
            "uri_bytes"
        ),
        HostileCase("an address without end", raw("GET /\(repeated("a", 1 << 20))"), [414], "uri_bytes"),
        HostileCase(
            "a field of 70 KB",
            raw(getStart + "X: \(repeated("a", 70_000))\r\n\r\n"),
            [431],
            "header_bytes"
        ),
        HostileCase(
            "a field without end",
            raw(getStart + "X: \(repeated("a", 1 << 20))"),
            [431],
            "header_bytes"
        ),
        HostileCase("300 fields", raw(getStart + repeated("X: y\r\n", 300) + "\r\n"), [431], "header_fields"),
        HostileCase(
            "fields of 70 KB together",
            raw(getStart + repeated("X: \(repeated("y", 700))\r\n", 100) + "\r\n"),
            [431],
            "header_bytes"
        ),
        HostileCase("an unknown expectation", raw(getStart + "Expect: tea\r\n\r\n"), [417], "100-continue"),
        HostileCase(
            "an upgrade to h2c",
            raw(getStart + "Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n"),
            [200]
        ),
        HostileCase(
            "a range of bytes",
            raw(getStart + "Range: bytes=0-0,0-0,0-0\r\nConnection: close\r\n\r\n"),
            [200]
        ),
        HostileCase("TRACE", .http("TRACE", "/", [], nil), [405], "Not Allowed"),
        HostileCase("an unknown method", .http("BREW", "/", [], nil), [501], "method"),
    ]

    // MARK: - Paths, methods and admin

    static let addresses: [HostileCase] =
        [
            "/nope", "/api/v1/nope", "/api/v2/query", "/..", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
            "/static/../../etc/passwd", "/api/v1/../../../etc/passwd", "//etc/passwd", "/-/quit",
            "/debug/pprof/heap", "/debug/pprof/cmdline", "/api/v1/label/", "/api/v1/label/a/b/values",
            "/metrics/", "/.git/config", "/%00", "/api/v1/query/",
        ].map { HostileCase("the path \($0)", .http("GET", $0, [], nil), [404], "404 page not found") } + [
            HostileCase("DELETE of a query", .http("DELETE", "/api/v1/query", [], nil), [405], "Not Allowed"),
            HostileCase("PUT of a write", .http("PUT", "/api/v1/write", [], []), [405], "Not Allowed"),
            HostileCase("GET of a write", .http("GET", "/api/v1/write", [], nil), [405], "Not Allowed"),
            HostileCase("GET of a reload", .http("GET", "/-/reload", [], nil), [405], "Not Allowed"),
            HostileCase("POST of metrics", .http("POST", "/metrics", [], []), [404, 405]),
            HostileCase(
                "GET of a flush",
                .http("GET", "/api/v1/admin/tsdb/flush", [], nil),
                [405],
                "Not Allowed"
            ),
            HostileCase(
                "a flush without permission",
                .http("POST", "/api/v1/admin/tsdb/flush", [], []),
                [500],
                "admin APIs disabled"
            ),
            HostileCase(
                "deletion of series",
                .http("POST", "/api/v1/admin/tsdb/delete_series?match[]=up", [], []),
                [404, 500]
            ),
            HostileCase("a snapshot", .http("POST", "/api/v1/admin/tsdb/snapshot", [], []), [404, 500]),
            HostileCase(
                "a label name that is no UTF-8",
                .http("GET", "/api/v1/label/%ff/values", [], nil),
                [400],
                "invalid label name"
            ),
            HostileCase(
                "a broken escape in a label name",
                .http("GET", "/api/v1/label/%zz/values", [], nil),
                [400],
                "invalid label name"
            ),
        ]

    // MARK: - Queries

    static let queries: [HostileCase] = [
        HostileCase("no query", get("/api/v1/query", []), [400], "no expression"),
        HostileCase(
            "a broken escape",
            .http("GET", "/api/v1/query?query=%zz", [], nil),
            [400],
            "invalid URL escape"
        ),
        HostileCase(
            "a query that is no UTF-8",
            .http("GET", "/api/v1/query?query=%ff%fe", [], nil),
            [400],
            "UTF-8"
        ),
        HostileCase("a NUL", get("/api/v1/query", [("query", "up\u{0}")]), [400], "parse error"),
        HostileCase(
            "100,000 parentheses",
            form("/api/v1/query", [("query", repeated("(", 100_000) + "1" + repeated(")", 100_000))]),
            [400],
            "query_text_bytes"
        ),
        HostileCase(
            "30,000 parentheses",
            form("/api/v1/query", [("query", repeated("(", 30_000) + "1" + repeated(")", 30_000))]),
            [400],
            "nested deeper"
        ),
        HostileCase(
            "30,000 open parentheses",
            form("/api/v1/query", [("query", repeated("(", 30_000))]),
            [400],
            "nested deeper"
        ),
        HostileCase(
            "60,000 signs",
            form("/api/v1/query", [("query", repeated("-", 60_000) + "1")]),
            [400],
            "nested deeper"
        ),
        HostileCase(
            "nested calls",
            form("/api/v1/query", [("query", repeated("abs(", 12_000) + "up" + repeated(")", 12_000))]),
            [400],
            "nested deeper"
        ),
        HostileCase(
            "nested subqueries",
            form("/api/v1/query", [("query", "up" + repeated("[1d:1s]", 3000))]),
            [400]
        ),
        HostileCase(
            "a chain of additions",
            form("/api/v1/query", [("query", "1" + repeated("+1", 30_000))]),
            [400],
            "nested deeper"
        ),
        HostileCase(
            "a chain of powers",
            form("/api/v1/query", [("query", "1" + repeated("^1", 30_000))]),
            [400],
            "nested deeper"
        ),
        HostileCase(
            "a chain of or",
            form("/api/v1/query", [("query", "up" + repeated(" or up", 9000))]),
            [400],
            "nested deeper"
        ),
        HostileCase(
            "10,000 matchers",
            form("/api/v1/query", [("query", "up{" + repeated("a=\"b\",", 10_000) + "}")]),
            [200]
        ),
        HostileCase(
            "a text of 900 KB",
            form("/api/v1/query", [("query", "\"" + repeated("a", 900_000) + "\"")]),
            [400],
            "query_text_bytes"
        ),
        HostileCase(
            "a form of 2 MB",
            form("/api/v1/query", [("query", repeated("a", 2_000_000))]),
            [413],
            "form_bytes"
        ),
        HostileCase(
            "100,000 parameters",
            .http(
                "POST",
                "/api/v1/query",
                [("Content-Type", "application/x-www-form-urlencoded")],
                Array(repeated("a=b&", 100_000).utf8)
            ),
            [400],
            "no expression"
        ),
        HostileCase(
            "an unknown function",
            get("/api/v1/query", [("query", "boom(up)")]),
            [400],
            "unknown function"
        ),
        HostileCase(
            "an unclosed string",
            get("/api/v1/query", [("query", "up{a=\"b")]),
            [400],
            "parse error"
        ),
        HostileCase(
            "a selector of everything",
            get("/api/v1/query", [("query", "{}")]),
            [400],
            "non-empty matcher"
        ),
        HostileCase(
            "a regular expression of 5 KB",
            form("/api/v1/query", [("query", "up{a=~\"" + repeated("a", 5000) + "\"}")]),
            [400],
            "regex_bytes"
        ),
        HostileCase(
            "nested repetitions",
            get("/api/v1/query", [("query", "up{a=~\"((a{1,1000}){1,1000}){1,1000}\"}")]),
            [400],
            "regexp"
        ),
        HostileCase(
            "a big repetition",
            get("/api/v1/query", [("query", "up{a=~\"(.{1000}){1000}\"}")]),
            [400],
            "regexp"
        ),
        HostileCase(
            "catastrophic backtracking",
            get("/api/v1/query", [("query", "up{a=~\"(a+)+b\"}")]),
            [200]
        ),
        HostileCase(
            "4,000 alternatives",
            form("/api/v1/query", [("query", "up{a=~\"" + repeated("a|", 2000) + "b\"}")]),
            [200]
        ),
        HostileCase("a lookahead", get("/api/v1/query", [("query", "up{a=~\"(?=a)\"}")]), [400], "regexp"),
        HostileCase(
            "a broken regular expression",
            get("/api/v1/query", [("query", "up{a=~\"(\"}")]),
            [400],
            "regexp"
        ),
        HostileCase(
            "a huge regex in label_replace",
            form(
                "/api/v1/query",
                [("query", "label_replace(up, \"a\", \"b\", \"c\", \"" + repeated("(x)", 1500) + "\")")]
            ),
            [422, 400],
            "regex_bytes"
        ),
        HostileCase(
            "30 days by milliseconds",
            get("/api/v1/query", [("query", "sum_over_time(vector(1)[30d:1ms])")]),
            [422],
            "points_per_subquery"
        ),
        HostileCase(
            "centuries by milliseconds",
            get("/api/v1/query", [("query", "sum_over_time(vector(1)[290y:1ms])")]),
            [422, 400]
        ),
        HostileCase(
            "a doubling label",
            form("/api/v1/query", [("query", doubling(20))]),
            [422],
            "made_string_bytes"
        ),
        HostileCase(
            "a range beyond all years",
            get("/api/v1/query", [("query", "up[99999999999999999999y]")]),
            [400]
        ),
        HostileCase(
            "an offset beyond all years",
            get("/api/v1/query", [("query", "up offset 299999y")]),
            [400]
        ),
        HostileCase("a time beyond all", get("/api/v1/query", [("query", "up @ 1e300")]), [400]),
        HostileCase("a NaN time", get("/api/v1/query", [("query", "up @ NaN")]), [400]),
        HostileCase(
            "the parameter time beyond all",
            get("/api/v1/query", [("query", "1"), ("time", "1e300")]),
            [200, 400]
        ),
        HostileCase(
            "the parameter time at the end of Int64",
            get("/api/v1/query", [("query", "up"), ("time", "9223372036854775807")]),
            [400, 200]
        ),
        HostileCase(
            "the parameter time NaN",
            get("/api/v1/query", [("query", "1"), ("time", "NaN")]),
            [400],
            "timestamp"
        ),
        HostileCase(
            "a timeout that is none",
            get("/api/v1/query", [("query", "1"), ("timeout", "soon")]),
            [400],
            "duration"
        ),
        HostileCase(
            "a negative limit",
            get("/api/v1/query", [("query", "1"), ("limit", "-1")]),
            [400],
            "limit"
        ),
        HostileCase(
            "a limit beyond 64 bits",
            get("/api/v1/query", [("query", "1"), ("limit", "99999999999999999999")]),
            [400],
            "limit"
        ),
        HostileCase(
            "a timeout of nothing",
            get("/api/v1/query", [("query", "sum_over_time(vector(1)[1d:1s])"), ("timeout", "0")]),
            [503],
            "query_timeout"
        ),
        HostileCase("topk of 1e300", get("/api/v1/query", [("query", "topk(1e300, up)")]), [200, 422]),
        HostileCase("quantile of NaN", get("/api/v1/query", [("query", "quantile(NaN, up)")]), [200]),
        HostileCase("round to 0", get("/api/v1/query", [("query", "round(up, 0)")]), [200]),
        HostileCase("a remainder of nothing", get("/api/v1/query", [("query", "1 % 0")]), [200]),
        HostileCase("a date beyond all", get("/api/v1/query", [("query", "year(vector(1e300))")]), [200]),
        HostileCase("a broken escape in a string", get("/api/v1/query", [("query", "\"\\xzz\"")]), [400]),
        HostileCase(
            "a format of 30,000 parentheses",
            form("/api/v1/format_query", [("query", repeated("(", 30_000))]),
            [400],
            "nested deeper"
        ),
        HostileCase(
            "a tree of 30,000 parentheses",
            form("/api/v1/parse_query", [("query", repeated("(", 30_000))]),
            [400],
            "nested deeper"
        ),
        HostileCase("exemplars of nonsense", get("/api/v1/query_exemplars", [("query", "(((")]), [400]),
    ]

    private static func doubling(_ times: Int) -> String {
        var query = "label_replace(vector(1), \"a\", \"\(repeated("x", 64))\", \"\", \"\")"
        for _ in 0..<times { query = "label_join(\(query), \"a\", \"\", \"a\", \"a\")" }
        return query
    }

    static let ranges: [HostileCase] = [
        HostileCase(
            "no start",
            get("/api/v1/query_range", [("query", "up"), ("end", "1"), ("step", "1")]),
            [400],
            "start"
        ),
        HostileCase(
            "no step",
            get("/api/v1/query_range", [("query", "up"), ("start", "0"), ("end", "1")]),
            [400],
            "step"
        ),
        HostileCase("a step of 0", range("up", "0", "1", "0"), [400], "step"),
        HostileCase("a negative step", range("up", "0", "1", "-1"), [400], "step"),
        HostileCase("a NaN step", range("up", "0", "1", "NaN"), [400], "step"),
        HostileCase("an infinite step", range("up", "0", "1", "Inf"), [400], "step"),
        HostileCase("a step of nanoseconds", range("up", "0", "0.000001", "0.0000001"), [400], "step"),
        HostileCase("too many points", range("up", "0", "1700000000", "1"), [400], "points_per_series"),
        HostileCase("all of time", range("up", "-9223372036854775", "9223372036854775", "1"), [400]),
        HostileCase("an end before the start", range("up", "2", "1", "1"), [400], "end timestamp"),
        HostileCase("a range of a range", range("up[5m]", "0", "1", "1"), [400], "invalid expression type"),
        HostileCase("a range of a string", range("\"a\"", "0", "1", "1"), [400], "invalid expression type"),
        HostileCase(
            "a subquery under a range",
            range("sum_over_time(vector(1)[10d:1s])", "0", "1000000", "100"),
            [422],
            "points_per_subquery"
        ),
    ]

    private static func range(_ query: String, _ start: String, _ end: String, _ step: String) -> Request {
        form("/api/v1/query_range", [("query", query), ("start", start), ("end", end), ("step", step)])
    }

    // MARK: - Labels

    static func labels(now: Int64) -> [HostileCase] {
        [
            HostileCase("series without a selector", get("/api/v1/series", []), [400], "match[]"),
            HostileCase(
                "series of everything",
                get("/api/v1/series", [("match[]", "{}")]),
                [400],
                "non-empty"
            ),
            HostileCase("series of nonsense", get("/api/v1/series", [("match[]", "up{")]), [400], "match[]"),
            HostileCase(
                "series of an expression",
                get("/api/v1/series", [("match[]", "rate(up[5m])")]),
                [400],
                "match[]"
            ),
            HostileCase(
                "labels of a huge selector",
                form("/api/v1/labels", [("match[]", "up{a=\"" + repeated("a", 70_000) + "\"}")]),
                [400],
                "query_text_bytes"
            ),
            HostileCase(
                "labels of a huge regex",
                form("/api/v1/labels", [("match[]", "up{a=~\"" + repeated("a", 5000) + "\"}")]),
                [400],
                "regex_bytes"
            ),
            HostileCase(
                "labels at a wrong time",
                get("/api/v1/labels", [("start", "yesterday")]),
                [400],
                "start"
            ),
            HostileCase(
                "metadata with a wrong limit",
                get("/api/v1/metadata", [("limit", "many")]),
                [400],
                "limit"
            ),
        ]
    }

    // MARK: - Remote write

    private static func series(_ labels: [([UInt8], [UInt8])], _ millis: Int64) -> Request {
        var request = RemoteWrite()
        request.add(rawLabels: labels, [.init(millis: millis, value: 1)])
        return write(request.body)
    }

    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func named(_ name: String, _ labels: [([UInt8], [UInt8])] = []) -> [([UInt8], [UInt8])] {
        [(bytes("__name__"), bytes(name))] + labels
    }

    static func writes(now: Int64) -> [HostileCase] {
        let body = { () -> [UInt8] in
            var request = RemoteWrite()
            request.add(["__name__": "whole"], [.init(millis: now, value: 1)])
            return request.body
        }()
        let snappy = ("Content-Encoding", "snappy")
        let many = named("wide") + (0..<100).map { (bytes("l\($0)"), bytes("v")) }
        return [
            HostileCase("an empty body", write([]), [400], "snappy"),
            HostileCase("no snappy", write(bytes("hello, this is no snappy block")), [400], "snappy"),
            HostileCase(
                "a snappy length of 4 GiB",
                write([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0x61]),
                [413],
                "decompressed_body_bytes"
            ),
            HostileCase(
                "a snappy length beyond 32 bits",
                write([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]),
                [400],
                "snappy"
            ),
            HostileCase(
                "a snappy length of 32 MiB of nothing",
                write([0x80, 0x80, 0x80, 0x10, 0, 0x61]),
                [400],
                "snappy"
            ),
            HostileCase("a snappy copy from before the start", write([4, 0x0d, 0xff]), [400], "snappy"),
            HostileCase("a cut block", write(Array(body.dropLast(5))), [400], "snappy"),
            HostileCase("no protobuf", write([4, 3 << 2, 0xff, 0xff, 0xff, 0xff]), [400]),
            HostileCase("a field longer than the message", write([3, 2 << 2, 0x0a, 0xff, 0x7f]), [400]),
            HostileCase("a group", write([2, 1 << 2, 0x0b, 0x0b]), [400]),
            HostileCase(
                "JSON",
                .http("POST", "/api/v1/write", [("Content-Type", "application/json")], bytes("{}")),
                [415]
            ),
            HostileCase(
                "zstd",
                .http(
                    "POST",
                    "/api/v1/write",
                    [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "zstd")],
                    body
                ),
                [415]
            ),
            HostileCase(
                "gzip",
                .http(
                    "POST",
                    "/api/v1/write",
                    [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "gzip")],
                    body
                ),
                [415]
            ),
            HostileCase(
                "an unknown message",
                .http(
                    "POST",
                    "/api/v1/write",
                    [("Content-Type", "application/x-protobuf;proto=evil.Request"), snappy],
                    body
                ),
                [415]
            ),
            HostileCase(
                "an announced body of 500 MB",
                raw(
                    start
                        + "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\nContent-Length: 500000000\r\n\r\n"
                ),
                [413],
                "body_bytes"
            ),
            HostileCase("no metric name", series([(bytes("job"), bytes("a"))], now), [400], "__name__"),
            HostileCase("no labels at all", series([], now), [400], "__name__"),
            HostileCase("an empty metric name", series(named(""), now), [400], "name"),
            HostileCase(
                "an empty label name",
                series(named("m", [([], bytes("v"))]), now),
                [400],
                "empty label name"
            ),
            HostileCase(
                "a label twice",
                series(named("m", [(bytes("a"), bytes("1")), (bytes("a"), bytes("2"))]), now),
                [400],
                "duplicate"
            ),
            HostileCase(
                "the name twice",
                series(named("m", [(bytes("__name__"), bytes("n"))]), now),
                [400],
                "duplicate"
            ),
            HostileCase(
                "a value that is no UTF-8",
                series(named("m", [(bytes("a"), [0xff, 0xfe])]), now),
                [400],
                "UTF-8"
            ),
            HostileCase(
                "a value with half a character",
                series(named("m", [(bytes("a"), [0xe2, 0x82])]), now),
                [400],
                "UTF-8"
            ),
            HostileCase(
                "a value with a surrogate",
                series(named("m", [(bytes("a"), [0xed, 0xa0, 0x80])]), now),
                [400],
                "UTF-8"
            ),
            HostileCase(
                "a name that is no UTF-8",
                series(named("m", [([0xc3, 0x28], bytes("v"))]), now),
                [400],
                "UTF-8"
            ),
            HostileCase(
                "a metric name that is no UTF-8",
                series([(bytes("__name__"), [0xc0, 0xaf])], now),
                [400],
                "UTF-8"
            ),
            HostileCase(
                "a value of 1 MiB",
                series(named("m", [(bytes("a"), bytes(repeated("v", 1 << 20)))]), now),
                [400],
                "label_value_bytes"
            ),
            HostileCase(
                "a name of 10 KB",
                series(named("m", [(bytes(repeated("n", 10_000)), bytes("v"))]), now),
                [400],
                "label_name_bytes"
            ),
            HostileCase(
                "a metric name of 10 KB",
                series(named(repeated("m", 10_000)), now),
                [400],
                "label_value_bytes"
            ),
            HostileCase("100 labels", series(many, now), [400], "labels_per_series"),
            HostileCase("the first time of Int64", series(named("m"), .min), [400], "year 1"),
            HostileCase("the last time of Int64", series(named("m"), .max), [400], "future"),
            HostileCase("the year 2262", series(named("m"), 9_223_372_036_854), [400], "future"),
            HostileCase("tomorrow", series(named("m"), now + 86_400_000), [400], "limit future"),
        ]
    }

    // MARK: - Text import

    static let imports: [HostileCase] = [
        HostileCase("no value", text("m\n"), [400], "no value"),
        HostileCase("no number", text("m x\n"), [400], "not a number"),
        HostileCase("no metric name", text("{a=\"b\"} 1\n"), [400], "__name__"),
        HostileCase("an unclosed label set", text("m{a=\"b\" 1\n"), [400], "line 1"),
        HostileCase("an unclosed quote", text("m{a=\"b} 1\n"), [400], "quote"),
        HostileCase("a label twice in text", text("m{a=\"1\",a=\"2\"} 1\n"), [400], "duplicate"),
        HostileCase("a wrong time", text("m 1 soon\n"), [400], "milliseconds"),
        HostileCase("a time beyond 64 bits", text("m 1 99999999999999999999\n"), [400], "milliseconds"),
        HostileCase("the first time of Int64 in text", text("m 1 -9223372036854775808\n"), [400], "year 1"),
        HostileCase("the last time of Int64 in text", text("m 1 9223372036854775807\n"), [400], "future"),
        HostileCase(
            "binary junk",
            importing((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 37) }),
            [400],
            "line 1"
        ),
        HostileCase(
            "text that is no UTF-8",
            importing(bytes("m{a=\"") + [0xff] + bytes("\"} 1\n")),
            [400],
            "UTF-8"
        ),
        HostileCase(
            "a line of 2 MiB",
            text("m{a=\"" + repeated("v", 2 << 20) + "\"} 1\n"),
            [400],
            "line_bytes"
        ),
        HostileCase(
            "an unknown encoding",
            importing(bytes("m 1\n"), [("Content-Encoding", "br")]),
            [415],
            "Content-Encoding"
        ),
        HostileCase(
            "gzip that is none",
            importing(bytes("m 1\n"), [("Content-Encoding", "gzip")]),
            [400],
            "gzip"
        ),
        HostileCase(
            "a cut gzip",
            importing([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], [("Content-Encoding", "gzip")]),
            [400],
            "gzip"
        ),
        HostileCase("a gzip bomb", importing(gzipBomb, [("Content-Encoding", "gzip")]), [413], "gzip_ratio"),
        HostileCase("a million bad lines", text(repeated("m x\n", 1_000_000)), [400], "refused in all"),
    ]

    /// 64 MiB of zeros in one gzip member: deflate's fixed code, "the byte before, 258 times", over and over.
    static let gzipBomb: [UInt8] = {
        var bits: [UInt8] = []
        var current = 0
        var count = 0
        func put(_ code: Int, _ length: Int) {
            for bit in (0..<length).reversed() {
                current |= ((code >> bit) & 1) << count
                count += 1
                if count == 8 {
                    bits.append(UInt8(current))
                    (current, count) = (0, 0)
                }
            }
        }
        put(0b110, 3)
        put(0b0011_0000, 8)
        // Length 258 is the code 285, distance 1 the code 0.
        for _ in 0..<((64 << 20) / 258) {
            put(0b1100_0101, 8)
            put(0, 5)
        }
        put(0, 7)
        put(0, 7)
        return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3] + bits + [UInt8](repeating: 0, count: 8)
    }()

    // MARK: - Browsers of other sites

    static let browsers: [HostileCase] =
        [
            "evil.example", "evil.example:9797", "127.0.0.1.evil.example", "localhost.evil.example",
            "1.2.3.4.5", "a b.c",
        ]
        .map {
            HostileCase(
                "the host \($0)",
                raw("GET /-/ready HTTP/1.1\r\nHost: \($0)\r\nConnection: close\r\n\r\n"),
                [421],
                "allowed_hosts"
            )
        }
        + ["http://evil.example", "null", "http://localhost.evil.example", "file://"].map {
            HostileCase(
                "a write from \($0)",
                .http("POST", "/api/v1/write", RemoteWrite.headers + [("Origin", $0)], []),
                [403],
                "Origin"
            )
        } + [
            HostileCase(
                "a reload from another site",
                .http("POST", "/-/reload", [("Origin", "http://evil.example")], []),
                [403],
                "Origin"
            ),
            HostileCase(
                "a flush from another site",
                .http("POST", "/api/v1/admin/tsdb/flush", [("Origin", "http://evil.example")], []),
                [403],
                "Origin"
            ),
        ]
}
