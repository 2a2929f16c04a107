import Intake
import Model
import Push

/// The list of pushed groups, in the form of the Pushgateway's API.
enum PushJSON {
    /// The answer with all of `groups`.
    static func groups(_ groups: [PushedGroup]) -> [UInt8] {
        Envelope.success { json in
            json.beginArray()
            for group in groups { write(group, to: &json) }
            json.endArray()
        }
    }

    private static func write(_ group: PushedGroup, to json: inout JSONWriter) {
        json.beginObject()
        json.key("labels")
        write(labels: group.key.labels, to: &json)
        json.key("last_push_successful")
        json.bool((group.pushTime ?? .min) > (group.failureTime ?? .min))
        for family in group.allFamilies {
            json.key(family.content.name)
            json.beginObject()
            json.key("time_stamp")
            json.string(TimeText.format(family.time))
            json.key("type")
            json.string(family.content.kind.shown)
            if !family.content.help.isEmpty {
                json.key("help")
                json.string(family.content.help)
            }
            json.key("metrics")
            json.beginArray()
            switch family.content.kind {
            case .histogram: write(family.content, "le", "buckets", of: group, to: &json)
            case .summary: write(family.content, "quantile", "quantiles", of: group, to: &json)
            default:
                for sample in family.content.samples {
                    json.beginObject()
                    json.key("labels")
                    write(labels: group.shownLabels(sample.labels), to: &json)
                    json.key("value")
                    json.string(text(sample.value))
                    json.endObject()
                }
            }
            json.endArray()
            json.endObject()
        }
        json.endObject()
    }

    /// Writes a histogram or a summary: one object for all series that differ only in `partName`.
    private static func write(
        _ family: PushedFamily,
        _ partName: String,
        _ partsKey: String,
        of group: PushedGroup,
        to json: inout JSONWriter
    ) {
        var order: [Labels] = []
        var members: [Labels: [PushedFamily.Sample]] = [:]
        for sample in family.samples {
            let labels = sample.labels.dropping([Labels.metricName, partName])
            if members[labels] == nil { order.append(labels) }
            members[labels, default: []].append(sample)
        }
        for labels in order {
            json.beginObject()
            json.key("labels")
            write(labels: group.shownLabels(labels), to: &json)
            var parts: [(String, Double)] = []
            for sample in members[labels] ?? [] {
                if let part = sample.labels[partName] {
                    parts.append((part, sample.value))
                    continue
                }
                let name = sample.labels.metricName ?? ""
                for part in ["count", "sum"] where name == "\(family.name)_\(part)" {
                    json.key(part)
                    json.string(text(sample.value))
                }
            }
            json.key(partsKey)
            json.beginObject()
            for (part, value) in parts {
                json.key(part)
                json.string(text(value))
            }
            json.endObject()
            json.endObject()
        }
    }

    private static func write(labels: [Label], to json: inout JSONWriter) {
        json.beginObject()
        for label in labels {
            json.key(label.name)
            json.string(label.value)
        }
        json.endObject()
    }

    /// A value as Go's `%v` prints it: with an exponent from 1e+06 on.
    private static func text(_ value: Double) -> String {
        let needsExponent = value.magnitude >= 1e6 || (value != 0 && value.magnitude < 1e-4)
        return needsExponent ? ValueText.formatScientific(value) : ValueText.format(value)
    }
}
