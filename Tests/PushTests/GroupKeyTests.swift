import Model
import Testing

@testable import Push

@Suite struct GroupKeyTests {
    private static func shown(_ key: GroupKey) -> String {
        key.labels.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
    }

    @Test(
        "a path names the grouping labels",
        arguments: [
            ("job/j", "job=j"), ("job/j/", "job=j"), ("job/j/a/", "a=,job=j"),
            ("job/j/instance/x/a/b", "a=b,instance=x,job=j"), ("job/j/job/k", "job=j"),
            ("job/j/x/1/x/2", "job=j,x=2"), ("job@base64/am9i", "job=job"), ("job@base64/am9iYQ", "job=joba"),
            ("job@base64/am9iYQ==", "job=joba"), ("job@base64/am9iYQ=", "job=joba"),
            ("job/j/path@base64/L3Zhci90bXA", "job=j,path=/var/tmp"), ("job/j/path@base64/=", "job=j,path="),
            ("job/j/p@base64/8J-YgA/q@base64/Pz8_", "job=j,p=😀,q=???"), ("job/é", "job=é"),
        ]
    )
    func reads(path: String, key: String) throws {
        let read = try GroupKey(path: path)
        #expect(GroupKeyTests.shown(read) == key)
        #expect(GroupKey(packed: read.packed) == read)
    }

    @Test(
        "a path that names no group is refused with the Pushgateway's text",
        arguments: [
            ("job", "job name is required"), ("job/", "job name is required"),
            ("job@base64/=", "job name is required"),
            ("job/j/a", #"odd number of components in label string "/a""#),
            ("job/j/le", #"odd number of components in label string "/le""#),
            ("job/j/a/b/", #"odd number of components in label string "/a/b/""#),
            ("job/j//x", #"empty component in label string "//x""#),
            ("job/j/bad-name/x", #"improper label name "bad-name""#),
            ("job/j/__name__/x", #"improper label name "__name__""#),
            ("job/j/__foo/x", #"improper label name "__foo""#),
            ("job/j/path@base65/x", #"improper label name "path@base65""#),
            ("job/j/path@base64@base64/YQ", #"improper label name "path@base64""#),
            (
                "job/j/path@base64/!!!",
                #"invalid base64 encoding for label path="!!!": illegal base64 data at input byte 0"#
            ),
            (
                "job/j/path@base64/YWJ$",
                #"invalid base64 encoding for label path="YWJ$": illegal base64 data at input byte 3"#
            ),
            (
                "job@base64/a",
                #"invalid base64 encoding in job name "a": illegal base64 data at input byte 0"#
            ),
            (
                "job/j/path@base64/gICA",
                #"invalid base64 encoding for label path="gICA": the bytes are not valid UTF-8"#
            ),
        ]
    )
    func refuses(path: String, text: String) {
        #expect(throws: PushError.badPath(text)) { _ = try GroupKey(path: path) }
    }

    @Test("every text comes back from its base64", arguments: ["", "a", "ab", "abc", "a/b?", "ééé", "\u{0}"])
    func roundTrip(text: String) throws {
        #expect(try Base64URL.decode(Base64URL.encode(text)) == text)
    }

    @Test("bytes that are no key are no key", arguments: [[], [1], [1, 97, 9, 98], [1, 98, 0, 1, 97, 0]])
    func refusesBytes(bytes: [UInt8]) {
        #expect(GroupKey(packed: bytes) == nil)
    }
}
