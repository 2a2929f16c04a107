import Model
import Rules

/// What is asked for when the past of rules is to be computed.
package struct BackfillRequest: Sendable {
    /// The rule file.
    package var text: String
    /// Its path.
    package var file: String
    /// The recorded names wanted; none: all.
    package var names: [String]
    /// The first time.
    package var from: Timestamp
    /// The last time.
    package var through: Timestamp
}

/// The past of recording rules: asks for one, and shows how far they are.
enum BackfillRoute {
    @Sendable static func serve(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        guard exchange.request.method == .post else { return answer(await backend.backfills()) }
        let parameters = try await exchange.parameters()
        let request = BackfillRequest(
            text: parameters["rules"],
            file: parameters["file"].isEmpty ? "rules.yml" : parameters["file"],
            names: parameters.all("rule_name[]"),
            from: try parameters.time("from"),
            through: try parameters.time("to")
        )
        guard !request.text.isEmpty else { throw .invalid("rules", "no rule file") }
        guard request.from <= request.through else { throw .invalid("to", "the end is before the start") }
        do {
            return answer(try await backend.backfill(request))
        } catch {
            throw .badData("\(error)")
        }
    }

    private static func answer(_ backfills: [BackfillStatus]) -> Answer {
        .json(
            Envelope.success { json in
                json.beginArray()
                for backfill in backfills {
                    json.beginObject()
                    json.key("id")
                    json.string(backfill.id)
                    json.key("group")
                    json.string(backfill.group)
                    json.key("rules")
                    json.strings(backfill.rules)
                    json.key("from")
                    json.string(TimeText.format(backfill.from))
                    json.key("to")
                    json.string(TimeText.format(backfill.through))
                    json.key("slots")
                    json.integer(Int64(backfill.slotCount))
                    json.key("done")
                    json.integer(Int64(backfill.doneCount))
                    json.endObject()
                }
                json.endArray()
            }
        )
    }
}
