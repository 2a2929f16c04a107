/// The route about the Alertmanagers.
enum AlertmanagerRoute {
    /// The addresses that alerts are posted to, and those that relabelling dropped.
    @Sendable static func list(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer {
        let addresses = await backend.alertmanagers()
        return .json(
            Envelope.success { json in
                json.beginObject()
                write("activeAlertmanagers", addresses.active, to: &json)
                write("droppedAlertmanagers", addresses.dropped, to: &json)
                json.endObject()
            }
        )
    }

    private static func write(_ name: String, _ urls: [String], to json: inout JSONWriter) {
        json.key(name)
        json.beginArray()
        for url in urls {
            json.beginObject()
            json.key("url")
            json.string(url)
            json.endObject()
        }
        json.endArray()
    }
}
