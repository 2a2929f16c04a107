import Foundation
import Matching
import Model
import PromQL
import StrictYAML

/// Reads the list `receivers` of the section `sextant`.
package enum ReceiverReader {
    private static let keys = [
        "name", "webhook", "slack", "match", "send_resolved", "group_wait", "group_interval",
        "repeat_interval",
    ]
    private static let formKeys = ["url", "url_file", "timeout"] + HTTPClientReader.keys

    /// The receivers of the list `name`.
    package static func receivers(
        _ fields: YAMLFields,
        _ name: String,
        _ reader: inout StrictReader
    ) -> [ReceiverSettings] {
        var receivers: [ReceiverSettings] = []
        for node in reader.list(fields, name) {
            guard let receiver = receiver(node, &reader) else { continue }
            if receivers.contains(where: { $0.name == receiver.name }) {
                reader.report("there is already a receiver \(LabelText.quoted(receiver.name))", at: node)
            }
            receivers.append(receiver)
        }
        return receivers
    }

    private static func receiver(_ node: YAMLNode, _ reader: inout StrictReader) -> ReceiverSettings? {
        guard let fields = reader.fields(of: node, owner: "a receiver", known: keys) else { return nil }
        let name = reader.string(fields, "name") ?? ""
        if name.isEmpty { reader.report("a receiver needs a name", at: node) }
        guard (fields["webhook"] == nil) != (fields["slack"] == nil) else {
            reader.report("a receiver needs either webhook or slack", at: node)
            return nil
        }
        var receiver = ReceiverSettings(name: name, form: .webhook, url: "")
        if let node = fields["webhook"] {
            guard
                let form = reader.fields(
                    of: node,
                    owner: "webhook",
                    known: formKeys,
                    unsupported: HTTPClientReader.unsupported
                )
            else { return nil }
            readForm(form, into: &receiver, &reader)
        } else if let node = fields["slack"] {
            guard
                let form = reader.fields(
                    of: node,
                    owner: "slack",
                    known: formKeys + ["channel", "username"],
                    unsupported: HTTPClientReader.unsupported
                )
            else { return nil }
            readForm(form, into: &receiver, &reader)
            receiver.form = .slack(
                channel: reader.string(form, "channel"),
                username: reader.string(form, "username")
            )
        }
        receiver.matchers = matchers(fields, &reader)
        receiver.tellsResolved = reader.boolean(fields, "send_resolved") ?? true
        if let millis = reader.durationMillis(fields, "group_wait") { receiver.times.waitMillis = millis }
        if let millis = reader.durationMillis(fields, "group_interval") {
            receiver.times.intervalMillis = millis
        }
        if let millis = reader.durationMillis(fields, "repeat_interval") {
            if millis <= 0 {
                reader.report("repeat_interval must not be 0", at: fields["repeat_interval"] ?? node)
            }
            receiver.times.repeatMillis = max(1, millis)
        }
        return receiver
    }

    /// What webhook and Slack have in common.
    private static func readForm(
        _ fields: YAMLFields,
        into receiver: inout ReceiverSettings,
        _ reader: inout StrictReader
    ) {
        receiver.client = HTTPClientReader.settings(fields, &reader)
        if let millis = reader.durationMillis(fields, "timeout") {
            if millis <= 0 { reader.report("timeout must not be 0", at: fields["timeout"] ?? fields.node) }
            receiver.timeoutMillis = millis
        }
        guard let secret = HTTPClientReader.secret(fields, "url", &reader) else {
            reader.report("a receiver needs url or url_file", at: fields.node)
            return
        }
        if case .file(let path) = secret { reader.dependsOn(path) }
        let place = fields["url"] ?? fields["url_file"] ?? fields.node
        do {
            receiver.url = try secret.value()
        } catch {
            reader.report("\(error)", at: place)
            return
        }
        let url = URL(string: receiver.url)
        guard let url, ["http", "https"].contains(url.scheme), url.host != nil else {
            // The address is not shown: it may hold a secret.
            reader.report("url has to be an http:// or https:// address", at: place)
            return
        }
    }

    private static func matchers(_ fields: YAMLFields, _ reader: inout StrictReader) -> [Matcher] {
        guard let node = fields["match"], let text = reader.string(node, "match") else { return [] }
        do {
            let matchers = try Parser.parseSelector(text)
            _ = try CompiledMatcher.compile(matchers)
            return matchers
        } catch {
            reader.report("match is no selector such as {severity=\"page\"}: \(error)", at: node)
            return []
        }
    }
}
