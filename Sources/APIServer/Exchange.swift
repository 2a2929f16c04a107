import HTTPTypes
import Hummingbird
import Model
import NIOCore

/// One request, as the handlers of routes see it.
struct Exchange {
    let context: APIContext
    /// The limits under which the request is answered.
    let limits: Limits
    let request: Request
    let body: RequestBodyReader
    /// The connection it came on; nil if that is closed already.
    let connection: Connection?
    /// The channel it came on.
    let channel: any Channel
    /// The part of the path that stands for the route's variable, still escaped.
    let pathVariable: Substring

    /// What a query of this request is, for telemetry.
    func origin(_ kind: QueryOrigin.Kind, _ text: String) -> QueryOrigin {
        QueryOrigin(kind: kind, text: text) { [channel] in channel.remoteAddress?.ipAddress ?? "" }
    }

    /// The value of a header field.
    func header(_ name: HTTPField.Name) -> String? {
        request.headers[name]
    }

    /// The parameters from the address alone, whatever the body is said to be.
    func addressParameters() throws(APIError) -> Parameters {
        var parameters = Parameters()
        if let query = request.uri.query { try parameters.add(form: query.utf8) }
        return parameters
    }

    /// The parameters from the body, if that is a form, and from the address.
    func parameters() async throws(APIError) -> Parameters {
        var parameters = Parameters()
        if request.method == .post, isForm {
            let form = try await body.collect(limit: limits.formBytes, name: "form_bytes")
            try parameters.add(form: form)
        }
        if let query = request.uri.query { try parameters.add(form: query.utf8) }
        return parameters
    }

    private var isForm: Bool { Exchange.isForm(header(.contentType)) }

    /// Whether a body of this type is a form.
    static func isForm(_ contentType: String?) -> Bool {
        let type = contentType?.prefix { $0 != ";" } ?? ""
        return type.lowercased().filter { $0 != " " } == "application/x-www-form-urlencoded"
    }
}
