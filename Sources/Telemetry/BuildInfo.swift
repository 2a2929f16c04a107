import Model

/// Which build of Sextant this is.
package enum BuildInfo {
    /// The version, as `sextant --version` and the API give it.
    package static let version = "0.1.0"

    /// Adds `sextant_build_info` to `registry`.
    package static func register(in registry: Registry) {
        registry.gauge(
            "sextant_build_info",
            help: "Always 1; the labels say which build of Sextant runs.",
            labels: Labels(["version": version])
        ).set(1)
    }
}
