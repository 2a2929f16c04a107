import Model
import StrictYAML

/// What a retention policy means for what is stored.
package struct RetentionReport: Sendable {
    /// One rule, and what it decides about now.
    package struct Rule: Sendable {
        /// The name that the file gives it; nil without one.
        package var name: String?
        /// Its selector as text; nil for the default.
        package var match: String?
        /// How long which resolution is kept, as text: `raw` first, then levels of rollups.
        package var kept: [(resolution: String, text: String)]
        /// Its series and samples.
        package var share: RetentionFigures.Share

        /// A rule of the given parts.
        package init(
            name: String?,
            match: String?,
            kept: [(resolution: String, text: String)],
            share: RetentionFigures.Share
        ) {
            self.name = name
            self.match = match
            self.kept = kept
            self.share = share
        }
    }

    /// The rules in their order, the default last.
    package var rules: [Rule]
    /// When a policy that waits comes into force; nil if none does.
    package var due: Timestamp?

    /// A report of the given parts.
    package init(rules: [Rule], due: Timestamp?) {
        self.rules = rules
        self.due = due
    }
}

/// The retention policy in force, or one that is asked about, beside what is stored.
enum RetentionRoute {
    @Sendable static func show(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer {
        let parameters = try await exchange.parameters()
        let text = parameters["policy"]
        let file = parameters["file"].isEmpty ? "retention.yaml" : parameters["file"]
        let asked = text.isEmpty ? nil : (text: text, file: file)
        let report: RetentionReport
        do {
            report = try await backend.retention(asked)
        } catch let error as YAMLFileError {
            throw .badData("\(error)")
        } catch let error as SourceError {
            throw APIError(error)
        } catch {
            throw APIError(.internal, "\(error)")
        }
        return .json(Envelope.success { json in write(report, to: &json) })
    }

    private static func write(_ report: RetentionReport, to json: inout JSONWriter) {
        json.beginObject()
        json.key("rules")
        json.beginArray()
        for rule in report.rules {
            json.beginObject()
            for (key, text) in [("name", rule.name), ("match", rule.match)] {
                guard let text else { continue }
                json.key(key)
                json.string(text)
            }
            json.key("kept")
            json.beginObject()
            for (resolution, text) in rule.kept {
                json.key(resolution)
                json.string(text)
            }
            json.endObject()
            for (key, number) in [
                ("series", rule.share.seriesCount), ("samples", rule.share.sampleCount),
                ("bytes", rule.share.byteCount), ("losingSeries", rule.share.losingSeriesCount),
                ("lostSamples", rule.share.lostSampleCount),
            ] {
                json.key(key)
                json.integer(Int64(number))
            }
            if let oldest = rule.share.oldest {
                json.key("oldest")
                json.string(TimeText.format(oldest))
            }
            json.endObject()
        }
        json.endArray()
        if let due = report.due {
            json.key("waitsUntil")
            json.string(TimeText.format(due))
        }
        json.endObject()
    }
}
