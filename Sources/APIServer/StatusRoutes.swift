import Glibc
import Model
import Telemetry

/// The routes about the daemon itself.
enum StatusRoutes {
    /// The version of Prometheus whose API this is; Grafana chooses by it which calls it makes.
    private static let prometheusVersion = "3.5.0"

    /// Which build this is.
    ///
    /// There is no `features` key: with one, Grafana takes the daemon for Mimir.
    @Sendable static func buildInfo(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        object([
            ("version", "\(prometheusVersion)+sextant-\(BuildInfo.version)"),
            ("revision", ""), ("branch", ""), ("buildUser", ""), ("buildDate", ""), ("goVersion", ""),
        ])
    }

    /// How the daemon runs.
    @Sendable static func runtimeInfo(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        let status = backend.status()
        return .json(
            Envelope.success { json in
                json.beginObject()
                write("startTime", TimeText.format(status.startTime), to: &json)
                write("CWD", workingDirectory(), to: &json)
                write("hostname", hostName(), to: &json)
                write("serverTime", TimeText.format(exchange.context.now()), to: &json)
                json.key("reloadConfigSuccess")
                json.bool(status.isConfigurationValid)
                if let error = status.configurationError { write("reloadConfigError", error, to: &json) }
                write("lastConfigTime", TimeText.format(status.configurationTime), to: &json)
                json.key("corruptionCount")
                json.integer(0)
                json.key("GOMAXPROCS")
                json.integer(Int64(APIConfiguration.coreCount))
                write("storageRetention", status.retention, to: &json)
                json.endObject()
            }
        )
    }

    /// The settings from the command line.
    @Sendable static func flags(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        object(exchange.context.configuration.flags.map { ($0.name, $0.value) })
    }

    /// The text of the configuration file.
    @Sendable static func configuration(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        object([("yaml", backend.status().configurationText)])
    }

    private static func object(_ fields: [(String, String)]) -> Answer {
        .json(
            Envelope.success { json in
                json.beginObject()
                for (name, value) in fields { write(name, value, to: &json) }
                json.endObject()
            }
        )
    }

    private static func write(_ name: String, _ value: String, to json: inout JSONWriter) {
        json.key(name)
        json.string(value)
    }

    private static func workingDirectory() -> String {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard unsafe getcwd(&bytes, bytes.count) != nil else { return "" }
        return text(bytes)
    }

    private static func hostName() -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&bytes, bytes.count - 1) == 0 else { return "" }
        return text(bytes)
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
