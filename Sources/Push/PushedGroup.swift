import Intake
import Model
import Telemetry

/// The metrics that were pushed under one key, and when.
package struct PushedGroup: Sendable {
    /// A family, whose samples have the grouping labels already.
    package struct Family: Sendable {
        /// The family.
        package var content: PushedFamily
        /// When it was pushed.
        package var time: Timestamp
    }

    /// The families that each group has by itself: their names and help texts.
    package static let pushTimeName = "push_time_seconds"
    package static let failureTimeName = "push_failure_time_seconds"
    package static let pushTimeHelp = "Last Unix time when changing this group in Sextant succeeded."
    package static let failureTimeHelp = "Last Unix time when changing this group in Sextant failed."

    /// The grouping labels.
    package let key: GroupKey
    /// The pushed families by name.
    package var families: [ByteText: Family] = [:]
    /// When the group was last pushed with success; nil for never.
    package var pushTime: Timestamp?
    /// When a push was last refused; nil for never.
    package var failureTime: Timestamp?

    /// The group of `key`, in which nothing was pushed yet.
    init(_ key: GroupKey) {
        self.key = key
    }

    /// The pushed families in name order, then those that every group has.
    package var allFamilies: [Family] {
        families.sorted { $0.key < $1.key }.map(\.value) + [
            own(PushedGroup.failureTimeName, PushedGroup.failureTimeHelp, failureTime),
            own(PushedGroup.pushTimeName, PushedGroup.pushTimeHelp, pushTime),
        ]
    }

    /// The number of pushed series, those that every group has not counted.
    var seriesCount: Int { families.values.reduce(0) { $0 + $1.content.samples.count } }

    /// The labels that the exposition shows for a series: also those without a value, and always `instance`.
    package func shownLabels(_ series: Labels) -> [Label] {
        var shown = Array(series.dropping([Labels.metricName])) + key.blanks
        if !shown.contains(where: { $0.name == "instance" }) { shown.append(Label("instance", "")) }
        return shown.sorted { ByteText($0.name) < ByteText($1.name) }
    }

    /// What tells a series of the group from all others that are shown: its labels and those without a value.
    func identity(_ series: Labels) -> [UInt8] {
        var bytes = series.packed
        for label in key.blanks where label.name != "instance" {
            Labels.appendField(label.name.utf8, to: &bytes)
            Labels.appendField([], to: &bytes)
        }
        return bytes
    }

    private func own(_ name: String, _ help: String, _ time: Timestamp?) -> Family {
        var family = PushedFamily(name: name)
        family.kind = .gauge
        family.help = help
        let labels = key.applied(to: Labels([Labels.metricName: name]))
        let value = time.map { Double($0.millis) / 1000 } ?? 0
        family.samples = [PushedFamily.Sample(labels: labels, value: value)]
        return Family(content: family, time: time ?? pushTime ?? failureTime ?? Timestamp(millis: 0))
    }
}

extension PushedGroup {
    /// The group as it is kept over restarts.
    var record: PushRecord {
        var writer = ExpositionWriter()
        for family in families.sorted(by: { $0.key < $1.key }).map(\.value.content) {
            writer.family(family.name, kind: family.kind, help: family.help)
            for sample in family.samples {
                writer.sample(sample.labels.metricName ?? "", labels: sample.labels, value: sample.value)
            }
        }
        return PushRecord(
            labels: key.packed,
            body: writer.bytes,
            pushTime: pushTime,
            failureTime: failureTime
        )
    }

    /// The group that `record` keeps; nil if it cannot be read.
    init?(_ record: PushRecord) {
        guard let key = GroupKey(packed: record.labels) else { return nil }
        self.init(key)
        pushTime = record.pushTime
        failureTime = record.failureTime
        // It was within the limits when it was pushed; grouping labels and escapes have come to it since.
        var limits = Limits.default
        limits.labelsPerSeries *= 4
        limits.lineBytes = 64 << 20
        let exposition: PushedExposition
        do throws(IntakeError) {
            exposition = try PushedExposition(record.body, limits: limits)
        } catch {
            return nil
        }
        for family in exposition.families {
            families[ByteText(family.name)] = Family(
                content: family,
                time: record.pushTime ?? Timestamp(millis: 0)
            )
        }
    }
}
