import Model

/// What holds for all alerts.
package struct AlertSettings: Hashable, Sendable {
    /// Labels that identify this daemon, for templates.
    package var externalLabels = Labels.empty
    /// The daemon's address as others see it, without a slash at the end.
    package var externalURL = ""
    /// How long receivers are not told again of an alert that goes on, in milliseconds.
    package var resendDelayMillis: Int64 = 60_000

    /// Settings; without arguments nothing is known about the daemon.
    package init(externalLabels: Labels = .empty, externalURL: String = "") {
        self.externalLabels = externalLabels
        self.externalURL = externalURL
    }

    /// The path of the address, without a slash at the end.
    var pathPrefix: String {
        guard let scheme = externalURL.range(of: "://") else { return externalURL }
        let rest = externalURL[scheme.upperBound...]
        return rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? ""
    }
}

/// Where alerts go, and what holds for them at present.
package struct AlertOutlet: Sendable {
    /// Takes what receivers are to be told; nil if there are none.
    package var sink: (any AlertSink)?
    /// The settings in force.
    package var settings: @Sendable () -> AlertSettings

    /// An outlet; without arguments nobody is told.
    package init(
        sink: (any AlertSink)? = nil,
        settings: @escaping @Sendable () -> AlertSettings = { AlertSettings() }
    ) {
        self.sink = sink
        self.settings = settings
    }
}
