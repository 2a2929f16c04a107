import Model
import Testing

@Suite struct LabelsTests {
    @Test("Labels are kept in byte order, empty values left out, the last of a name counting")
    func canonical() {
        let labels = Labels([Label("b", "1"), Label("a", "2"), Label("c", ""), Label("b", "3")])
        #expect(labels.map(\.name) == ["a", "b"])
        #expect(labels["b"] == "3")
        #expect(labels["c"] == nil)
        #expect(labels.description == #"{a="2", b="3"}"#)
        #expect(Labels(["__name__": "up", "job": "x\"y\n"]).description == #"up{job="x\"y\n"}"#)
        #expect(Labels(["__name__": "my.metric", "a b": "c"]).description == #"{"my.metric", "a b"="c"}"#)
        #expect(Labels.empty.description == "{}")
        #expect(Labels(["__name__": "up"]).description == "up")
    }

    @Test("Two spellings of a letter are two label sets")
    func spellings() {
        let (one, two) = ("caf\u{e9}", "cafe\u{301}")
        #expect(Labels(["a": one]) != Labels(["a": two]))
        #expect(Label("a", one) != Label("a", two))
        #expect(Matcher("a", .equal, one) != Matcher("a", .equal, two))
        #expect(Labels([Label(one, "1"), Label(two, "2")]).count(where: { _ in true }) == 2)
        #expect(Set([ByteText(one), ByteText(two)]).count == 2)
    }

    @Test("Order is by name, then value, then length")
    func order() {
        let sorted = [
            Labels.empty, Labels(["a": "1"]), Labels(["a": "1", "b": "1"]), Labels(["a": "2"]),
            Labels(["b": "0"]),
        ]
        #expect(sorted.shuffled().sorted() == sorted)
    }

    @Test("Order is that of names and values one after the other, whatever sets share")
    func orderOfMany() {
        let texts = ["a", "b", "ab", "aa", String(repeating: "a", count: 130), "é"]
        var all: [Labels] = []
        for first in texts {
            for second in texts {
                all.append(Labels(["l": first, "m": second]))
                all.append(Labels(["l": first, "l\(second)": "x"]))
            }
        }
        func bytes(_ labels: Labels) -> [[UInt8]] {
            labels.flatMap { [Array($0.name.utf8), Array($0.value.utf8)] }
        }
        for one in all {
            for other in all {
                let (left, right) = (bytes(one), bytes(other))
                let isBefore = left.lexicographicallyPrecedes(right) { $0.lexicographicallyPrecedes($1) }
                #expect((one < other) == isBefore, "\(one) \(other)")
            }
        }
    }

    @Test("Bytes from outside are checked: any change gives another label set or none")
    func validation() {
        let labels = Labels(["__name__": "http_requests_total", "job": "api", "path": "/v1/é"])
        #expect(Labels(validating: labels.packed) == labels)
        for position in labels.packed.indices {
            for change: UInt8 in [1, 0x80, 0xff] {
                var bytes = labels.packed
                bytes[position] ^= change
                if let other = Labels(validating: bytes) { #expect(other != labels) }
            }
            #expect(Labels(validating: Array(labels.packed[..<position])) != labels)
        }
        let unsorted = Labels(["b": "1"]).packed + Labels(["a": "1"]).packed
        #expect(Labels(validating: unsorted) == nil)
        #expect(Labels(validating: Labels(["a": "1"]).packed + Labels(["a": "1"]).packed) == nil)
        #expect(Labels(validating: [1, 0x61, 0]) == nil)
    }

    @Test("Dropping, keeping and setting labels")
    func changes() {
        let labels = Labels(["a": "1", "b": "2", "c": "3"])
        #expect(labels.dropping(["b", "x"]) == Labels(["a": "1", "c": "3"]))
        #expect(labels.keeping(["b", "x"]) == Labels(["b": "2"]))
        #expect(labels.setting("b", "") == Labels(["a": "1", "c": "3"]))
        #expect(labels.setting("d", "4")["d"] == "4")
    }
}

@Suite struct TimestampTests {
    @Test("Arithmetic stays at the ends, rounding goes down before the epoch too")
    func edges() {
        #expect(Timestamp.max.advanced(byMillis: 1) == .max)
        #expect(Timestamp.min.advanced(byMillis: -1) == .min)
        #expect(Timestamp(millis: -1).floored(toMillis: 10).millis == -10)
        #expect(Timestamp(millis: 19).floored(toMillis: 10).millis == 10)
        #expect(Timestamp(millis: -10).floored(toMillis: 10).millis == -10)
        #expect(Timestamp.min.floored(toMillis: 7_200_000) == .min)
    }
}

@Suite struct RejectionsTests {
    @Test("The first ten reasons are kept, all are counted, and reasons after that are not even built")
    func kept() {
        var rejections = Rejections()
        var builtCount = 0
        func reason(_ index: Int) -> String {
            builtCount += 1
            return "reason \(index)"
        }
        for index in 0..<25 { rejections.add(reason(index)) }
        #expect(rejections.count == 25)
        #expect(builtCount == 10)
        #expect(rejections.summary.hasSuffix("... 25 refused in all; the valid rest is stored"))
        var other = Rejections()
        other.add(sampleCount: 3, "x")
        other.add(rejections)
        #expect(other.count == 28 && other.first.count == 10 && other.first[0] == "x")
    }
}
