/// The object that every answer of the API is wrapped in.
enum Envelope {
    /// A successful answer with what `data` writes.
    static func success(
        warnings: [String] = [],
        infos: [String] = [],
        _ data: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var json = JSONWriter()
        begin(&json)
        data(&json)
        end(&json, warnings: warnings, infos: infos)
        return json.bytes
    }

    /// The part before the data.
    static func begin(_ json: inout JSONWriter) {
        json.beginObject()
        json.key("status")
        json.string("success")
        json.key("data")
    }

    /// The part behind the data.
    static func end(_ json: inout JSONWriter, warnings: [String], infos: [String]) {
        if !warnings.isEmpty {
            json.key("warnings")
            json.strings(warnings)
        }
        if !infos.isEmpty {
            json.key("infos")
            json.strings(infos)
        }
        json.endObject()
    }

    /// The answer that tells of `error`.
    static func failure(_ error: APIError) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("status")
        json.string("error")
        json.key("errorType")
        json.string(error.kind.rawValue)
        json.key("error")
        json.string(error.message)
        json.endObject()
        return json.bytes
    }
}
