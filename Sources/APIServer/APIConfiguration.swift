import Model
import Telemetry

/// How the HTTP server works.
package struct APIConfiguration: Sendable {
    /// The address it listens on: an IP address or a host name.
    package var host = "127.0.0.1"
    /// The port it listens on; 0 for any that is free.
    package var port = 9797
    /// Whether routes that change the store as a whole (`/api/v1/admin/...`) work.
    package var isAdminAPIEnabled = false
    /// How far back an instant selector looks for a sample, in milliseconds.
    package var lookbackMillis: Int64 = 5 * 60_000
    /// The names that requests may have as their host, beside addresses, names without a dot and `host`.
    package var allowedHosts: @Sendable () -> [String] = { [] }
    /// What requests and queries may use up.
    package var limits = LimitsInForce()
    /// How long a query runs that the log calls slow, in milliseconds; 0: none is.
    package var slowQueryMillis: @Sendable () -> Int64 = { 5000 }
    /// How long the server may ask itself a few questions before it says that it is ready (`WarmUp`), in
    /// milliseconds; 0: it does not.
    package var warmUpMillis: Int64 = 500
    /// How far the store is with reading its log, for `/api/v1/status/walreplay`.
    package var replay = ReplayProgress()
    /// What `/api/v1/status/flags` shows.
    package var flags: [(name: String, value: String)] = []

    /// The defaults.
    package init() {}

    /// The number of processors that the daemon may use, which can be fewer than the machine has.
    package static var coreCount: Int { Processors.count }
}
