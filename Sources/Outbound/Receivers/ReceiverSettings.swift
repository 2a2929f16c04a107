import Model

/// Somebody who is told of alerts without an Alertmanager between.
package struct ReceiverSettings: Hashable, Sendable {
    /// How messages look.
    package enum Form: Hashable, Sendable {
        /// The JSON of Alertmanager's webhooks.
        case webhook
        /// A message of Slack's incoming webhooks, for the channel and under the name given, if any.
        case slack(channel: String?, username: String?)
    }

    /// The name, for logs, metrics and messages.
    package var name: String
    /// How messages look.
    package var form: Form
    /// Where messages are posted to; it may hold a secret.
    package var url: String
    /// How they are posted.
    package var client = HTTPClientSettings()
    /// How many milliseconds a call may take.
    package var timeoutMillis: Int64 = 10_000
    /// Only alerts with labels that match all of these are told of.
    package var matchers: [Matcher] = []
    /// Whether the end of alerts is told.
    package var tellsResolved = true
    /// When messages are sent.
    package var times = Times()

    /// When messages are sent, in milliseconds.
    package struct Times: Hashable, Sendable {
        /// From the first alert of a name to the first message, so that others can join it.
        package var waitMillis: Int64 = 10_000
        /// The least time between two messages about alerts of one name, if something has changed.
        package var intervalMillis: Int64 = 300_000
        /// The time between two messages if nothing has changed.
        package var repeatMillis: Int64 = 14_400_000
    }
}
