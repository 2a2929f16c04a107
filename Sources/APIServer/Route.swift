import HTTPTypes

/// One path of the API and what answers it.
struct Route: Sendable {
    /// What answers a request.
    enum Handler: Sendable {
        /// A handler that needs nothing but the server itself, and so works at any time.
        case always(@Sendable (Exchange) async throws(APIError) -> Answer)
        /// A handler that needs the store; until it is open and while it closes the answer is 503.
        case ready(@Sendable (Exchange, APIBackend) async throws(APIError) -> Answer)
    }

    /// The variable part of a path, one component of any text.
    static let variable = "<name>"

    /// The rest of a path, any number of components; only at the end.
    static let rest = "<path>"

    /// The path, by which telemetry calls the route; it may have one component `variable` or end in `rest`.
    var path: String
    /// The methods it answers.
    var methods: Set<HTTPRequest.Method>
    /// What answers.
    var handler: Handler
    /// Whether a request with a small body is answered on the thread of its connection.
    ///
    /// That saves the way to another thread and back, and delays the other connections of the thread: only
    /// for what neither computes long nor waits for a disk there. Queries do so on threads of their own.
    var isQuick = false

    init(
        _ path: String,
        _ methods: Set<HTTPRequest.Method>,
        _ handler: Handler,
        isQuick: Bool = false
    ) {
        self.path = path
        self.methods = methods
        self.handler = handler
        self.isQuick = isQuick
    }

    /// The value of the `Allow` field.
    var allowed: String {
        methods.map(\.rawValue).sorted().joined(separator: ", ")
    }
}

/// Finds the route of a path.
struct RouteTable: Sendable {
    private struct Pattern {
        var prefix: String
        var suffix: String
        var route: Route
    }

    private var exact: [String: Route] = [:]
    private var patterns: [Pattern] = []
    private var prefixes: [(prefix: String, route: Route)] = []

    init(_ routes: [Route]) {
        for route in routes {
            if route.path.hasSuffix(Route.rest) {
                prefixes.append((String(route.path.dropLast(Route.rest.count)), route))
                continue
            }
            let parts = route.path.split(separator: Route.variable, omittingEmptySubsequences: false)
            if parts.count == 2 {
                patterns.append(
                    Pattern(prefix: String(parts[0]), suffix: String(parts[1]), route: route)
                )
            } else {
                exact[route.path] = route
            }
        }
    }

    /// The route of `path`, and the text in place of its variable; nil if there is none.
    func find(_ path: String) -> (route: Route, variable: Substring)? {
        if let route = exact[path] { return (route, "") }
        for pattern in patterns where path.hasPrefix(pattern.prefix) && path.hasSuffix(pattern.suffix) {
            let length = path.utf8.count - pattern.prefix.utf8.count - pattern.suffix.utf8.count
            guard length > 0 else { continue }
            let variable = path.dropFirst(pattern.prefix.count).dropLast(pattern.suffix.count)
            if !variable.utf8.contains(UInt8(ascii: "/")) { return (pattern.route, variable) }
        }
        for (prefix, route) in prefixes where path.hasPrefix(prefix) {
            return (route, path.dropFirst(prefix.count))
        }
        return nil
    }
}
