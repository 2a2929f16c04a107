import Glibc
import Model
import Testing

@testable import PromQL

@Suite("Hostile query texts")
struct HostileTextTests {
    // MARK: Depth

    @Test("what nests as deep as allowed works on a small stack", arguments: deepestTexts)
    func deepest(text: String) {
        let outcome = HostileTextTests.onSmallStack { HostileTextTests.useFully(text) }
        #expect(outcome == "ok")
    }

    @Test("what nests one level deeper is refused, on a small stack too", arguments: deeperTexts)
    func tooDeep(text: String, limit: Int) {
        let outcome = HostileTextTests.onSmallStack { HostileTextTests.useFully(text) }
        #expect(
            outcome?.hasSuffix("expression is nested deeper than \(limit) levels") == true,
            "\(outcome ?? "nil")"
        )
    }

    @Test(
        "endless repetition is refused or read, and never harmful",
        arguments: [
            "(", ")", "[", "{", "-", "- ", "^", "1^", "1+", "a or ", "a[5m:]", "a[1m+", "a[-", "a[(", "sum(",
            "sum by (a,", "f(",
            "abs(", "\"", "\\", "a{b=\"c\",", "a,", "foo offset -(", "min_of(1,", "a[min_of(1,", "(-", "1^-(",
            "a @ 1 ", "5m", "#", "\n",
            "a or b and c == d + e * f ^ (", "a[1m*(", "\u{fffd}", "é", "a(", "-a[5m:]-", "((a", "1==",
            "a anchored ", "_", "0x", "1_1",
        ]
    )
    func repeated(piece: String) {
        for suffix in ["", "1", ")"] {
            let count = (Limits.default.queryTextBytes - suffix.utf8.count) / piece.utf8.count
            let text = String(repeating: piece, count: count) + suffix
            #expect(HostileTextTests.onSmallStack { HostileTextTests.useFully(text) } != nil)
        }
    }

    @Test("a text that is too long is refused")
    func tooLong() {
        let text = String(repeating: " ", count: Limits.default.queryTextBytes) + "1"
        #expect(throws: ParseError.self) { try Parser.parse(text) }
        #expect(throws: ParseError.self) { try Parser.parseSelector(text) }
    }

    private static let nesting = Limits.nestingDepth
    private static let depth = Parser.treeDepthLimit

    private static let deepestTexts: [String] = [
        nested("(", "1", ")", nesting - 1), nested("abs(", "a", ")", nesting - 1),
        nested("sum by (x) (", "a", ")", nesting - 1),
        nested("-", "a", "", nesting - 1), nested("1^", "2", "", nesting - 1),
        nested("-(", "a", ")", nesting / 2 - 1),
        nested("a[", nested("(", "1m", ")", nesting - 3), "]", 1),
        nested("a[", nested("min_of(1, ", "2", ")", nesting - 3), "]", 1),
        nested("a or ", "a", "", depth - 1), nested("1 + ", "1", "", depth - 1),
        nested("a == bool on (x) ", "a", "", depth - 1),
        nested("a or b and c == d + e * f ^ (", "g", ")", depth / 7 - 1),
        nested("max_over_time((a + b)[5m:1m]) or ", "a", "", depth - 5),
    ]

    private static let deeperTexts: [(String, Int)] = [
        (nested("(", "1", ")", nesting), nesting), (nested("abs(", "a", ")", nesting), nesting),
        (nested("-", "a", "", nesting), nesting), (nested("1^", "2", "", nesting), nesting),
        (nested("a[", nested("(", "1m", ")", nesting), "]", 1), nesting),
        (nested("a[", nested("1m + ", "1m", "", nesting), "]", 1), nesting),
        (nested("a or ", "a", "", depth), depth), (nested("1 + ", "1", "", depth), depth),
        ("a" + String(repeating: "[1m:]", count: depth), depth),
    ]

    private static func nested(_ head: String, _ core: String, _ tail: String, _ count: Int) -> String {
        String(repeating: head, count: count) + core + String(repeating: tail, count: count)
    }

    /// Parses, prints, visits and frees; "ok", or the error.
    private static func useFully(_ text: String) -> String {
        do {
            let expr = try Parser.parse(text)
            let printed = expr.description
            let pretty = expr.prettyPrinted()
            var selectorCount = 0
            expr.forEachSelector { _, _ in selectorCount += 1 }
            guard expr.valueType != .none, selectorCount <= text.utf8.count else {
                return "bad type or visit"
            }
            for again in [printed, pretty] where again.utf8.count <= Limits.default.queryTextBytes {
                guard try Parser.parse(again).description == printed else {
                    return "does not read back: \(again)"
                }
            }
            return "ok"
        } catch {
            return "\(error)"
        }
    }

    private final class Work {
        let body: @Sendable () -> String
        var outcome: String?

        init(_ body: @escaping @Sendable () -> String) {
            self.body = body
        }
    }

    /// Runs `body` on a thread with a stack of 512 KiB; nil if there is no such thread.
    private static func onSmallStack(_ body: @escaping @Sendable () -> String) -> String? {
        let work = Work(body)
        var attributes = pthread_attr_t()
        guard unsafe pthread_attr_init(&attributes) == 0,
            unsafe pthread_attr_setstacksize(&attributes, 512 << 10) == 0
        else { return nil }
        defer { unsafe pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(work).toOpaque()
        let status = unsafe pthread_create(
            &thread,
            &attributes,
            { context in
                guard let context = unsafe context else { return nil }
                let work = unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
                work.outcome = work.body()
                return nil
            },
            context
        )
        guard status == 0 else {
            unsafe Unmanaged<Work>.fromOpaque(context).release()
            return nil
        }
        pthread_join(thread, nil)
        return work.outcome
    }

    // MARK: Mutation

    @Test("mutated expressions are refused or read back as themselves", arguments: [UInt64(1), 2, 3, 4])
    func mutated(seed: UInt64) {
        var random = SplitMix(state: seed)
        let texts = CanonicalFormTests.forms.map(\.0).map { Array($0.utf8) }
        for round in 0..<5000 {
            var bytes = texts.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                HostileTextTests.mutate(&bytes, from: texts, &random)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            guard let expr = try? Parser.parse(text) else { continue }
            let printed = expr.description
            let again = try? Parser.parse(printed).description
            #expect(again == printed, "seed \(seed), round \(round): \(text)")
            let pretty = expr.prettyPrinted()
            #expect(
                (try? Parser.parse(pretty).description) == printed,
                "seed \(seed), round \(round): \(text)"
            )
        }
    }

    private static let pieces: [[UInt8]] = [
        "(", ")", "[", "]", "{", "}", ",", ":", "::", "+", "-", "*", "/", "%", "^", "==", "!=", "=~", "!~",
        "=", "<", ">", "</", ">/",
        "@", "#", "\n", " ", "\"", "'", "`", "\\", "\\x", ".", "_", "e", "0x", "\u{0}", "é", "\u{fffd}", "1",
        "5m", "1h30m", "1e9",
        "inf", "nan", "and", "or", "unless", "atan2", "by", "without", "on", "ignoring", "group_left",
        "group_right", "bool", "offset",
        "anchored", "smoothed", "fill(1)", "fill", "start()", "end()", "step()", "range()", "min_of(",
        "max_of(", "min(", "sum", "topk",
        "rate", "info", "foo", "\"a\"", "[5m]", "[5m:1m]", "{a=\"b\"}", "999999999999999999999",
    ].map { Array($0.utf8) }

    private static func mutate(_ bytes: inout [UInt8], from texts: [[UInt8]], _ random: inout SplitMix) {
        let start = Int.random(in: 0...bytes.count, using: &random)
        let end = min(bytes.count, start + Int.random(in: 0...4, using: &random))
        switch Int.random(in: 0..<10, using: &random) {
        case 0...2: bytes.removeSubrange(start..<end)
        case 3...6: bytes.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: start)
        case 7: bytes.replaceSubrange(start..<end, with: pieces.randomElement(using: &random) ?? [])
        case 8:
            let other = texts.randomElement(using: &random) ?? []
            bytes.insert(contentsOf: other.suffix(Int.random(in: 0...20, using: &random)), at: start)
        default:
            guard start < bytes.count else { return }
            bytes[start] = UInt8.random(in: 0...255, using: &random)
        }
    }
}
