import Intake
import Model
import Telemetry

/// The pushed groups as `/metrics` shows them: one family per name, whatever groups it is in.
package struct PushPage: Sendable {
    private struct Member: Sendable {
        var group: PushedGroup
        var family: PushedFamily
    }

    private var members: [ByteText: [Member]] = [:]

    /// The page of `groups`.
    package init(_ groups: [PushedGroup]) {
        for group in groups {
            for family in group.allFamilies.map(\.content) where !family.samples.isEmpty {
                members[ByteText(family.name), default: []].append(Member(group: group, family: family))
            }
        }
    }

    /// Writes the samples of the family `name`, whose head somebody else wrote; then it is no longer here.
    package mutating func moveSamples(of name: String, to writer: inout ExpositionWriter) {
        for member in members.removeValue(forKey: ByteText(name)) ?? [] {
            PushPage.write(member, to: &writer)
        }
    }

    /// Writes all families in name order.
    package func write(to writer: inout ExpositionWriter) {
        for (name, members) in members.sorted(by: { $0.key < $1.key }) {
            let help = members.lazy.map(\.family.help).first { !$0.isEmpty }
            writer.family(name.string, kind: members[0].family.kind, help: help ?? "")
            for member in members { PushPage.write(member, to: &writer) }
        }
    }

    private static func write(_ member: Member, to writer: inout ExpositionWriter) {
        for sample in member.family.samples {
            writer.sample(
                sample.labels.metricName ?? "",
                labels: member.group.shownLabels(sample.labels),
                value: sample.value
            )
        }
    }
}
