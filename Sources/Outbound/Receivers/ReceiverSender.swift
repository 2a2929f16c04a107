import Logging
import Matching
import Model
import Rules
import Telemetry

/// Tells one receiver of alerts, grouped by their names.
///
/// A message that cannot be sent is tried again until it arrives; it always tells what is true at the time.
actor ReceiverSender {
    /// The most groups that are remembered.
    private static let groupLimit = 1000
    /// Answers of which another attempt may be better.
    private static let retryStatuses: Set<Int> = [401, 403, 404, 407, 408, 425, 429]

    /// What it was made from.
    nonisolated let settings: ReceiverSettings
    private let client: ConfiguredClient
    private let matchers: [CompiledMatcher]
    private let externalURL: String
    private let metrics: SenderMetrics
    private let backoff: Backoff
    private let memory: ReceiverMemory
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let task = SendingTask()
    private var groups: [String: ReceiverGroup] = [:]

    /// A sender that knows of no alerts.
    ///
    /// - Throws: What is wrong with the settings.
    init(
        _ settings: ReceiverSettings,
        externalURL: String,
        registry: Registry,
        backoff: Backoff,
        memory: ReceiverMemory? = nil,
        logger: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) throws {
        self.settings = settings
        self.externalURL = externalURL
        self.backoff = backoff
        self.memory = memory ?? ReceiverMemory(nil, logger: logger)
        self.logger = logger
        self.now = now
        client = try ConfiguredClient(settings.client, url: settings.url)
        matchers = try CompiledMatcher.compile(settings.matchers)
        metrics = SenderMetrics(labels: Labels(["receiver": settings.name]), registry: registry)
    }

    /// Takes up what an earlier run of the daemon told; once, before the first alert.
    func restore(_ records: [ReceiverRecord]) {
        let time = now()
        for record in records.prefix(ReceiverSender.groupLimit) {
            groups[record.name] = ReceiverGroup(record, settings, at: time)
        }
        if !groups.isEmpty { task.start { await self.work() } }
    }

    /// Takes news of alerts; returns at once.
    func send(_ alerts: [AlertNotification]) {
        guard !task.isStopping else { return }
        let time = now()
        for alert in alerts where matchers.allSatisfy({ $0.matches(alert.labels) }) {
            let name = alert.labels["alertname"] ?? ""
            if groups[name] == nil {
                if alert.isResolved { continue }
                guard groups.count < ReceiverSender.groupLimit else {
                    drop(1, "there are alerts of more than \(ReceiverSender.groupLimit) names")
                    continue
                }
                groups[name] = ReceiverGroup(name: name, settings, at: time)
            }
            groups[name]?.take(alert)
        }
        // It may have to wake up earlier now.
        task.wake()
        if !groups.isEmpty { task.start { await self.work() } }
    }

    /// Sends what is due or has waited, for at most so long, and ends for good.
    func stop(withinMillis limit: Int64) async {
        await task.stop(withinMillis: limit, closing: client)
    }

    // MARK: - Sending

    private func work() async {
        while !groups.isEmpty {
            for name in groups.keys.sorted() { await tell(name) }
            groups = groups.filter { !$0.value.isEmpty }
            metrics.queueLength.set(Double(groups.count))
            if task.isStopping { break }
            let time = now()
            guard let due = groups.values.compactMap({ $0.due(at: time) }).min() else { break }
            if due > time { await task.sleep(millis: min(due.millis &- time.millis, 60_000)) }
        }
        task.end()
    }

    /// Sends the message about a group if it is due, or if there is no later time for it.
    private func tell(_ name: String) async {
        let time = now()
        groups[name]?.prune(at: time)
        guard let group = groups[name] else { return }
        if group.isEmpty, group.lastSent != nil {
            await memory.note(group, receiver: settings.name, at: time)
        }
        guard let due = group.due(at: time),
            due <= time || (task.isStopping && group.hasChanged(at: time))
        else { return }
        let message = group.message(at: time)
        let (isOver, isSent) = await post(message, name: name)
        // News may have come meanwhile.
        if isOver {
            groups[name]?.confirm(message, at: now())
            if isSent { metrics.sent.add(message.count) }
            if let group = groups[name] { await memory.note(group, receiver: settings.name, at: now()) }
        } else {
            groups[name]?.fail(at: now(), backoff)
        }
    }

    /// Posts a message; the first answer is whether the matter is over, the second whether it arrived.
    private func post(_ message: [ReceiverAlert], name: String) async -> (isOver: Bool, isSent: Bool) {
        let start = ContinuousClock.now
        defer { metrics.latency.observe(ContinuousClock.now - start) }
        let reason: String
        var isFinal = false
        do {
            let answer = try await client.post(
                body(of: message, name: name),
                timeoutMillis: settings.timeoutMillis,
                as: "the receiver \(settings.name)"
            )
            if answer.isSuccess { return (true, true) }
            reason = "\(answer.status): \(answer.text.prefix(300))"
            isFinal = answer.status / 100 == 4 && !ReceiverSender.retryStatuses.contains(answer.status)
        } catch {
            reason = "\(error)"
        }
        metrics.errors.add(message.count)
        if isFinal {
            drop(message.count, reason)
        } else {
            logger.warning(
                "a receiver cannot be told and is tried again",
                metadata: ["receiver": "\(settings.name)", "alert": "\(name)", "error": "\(reason)"]
            )
        }
        return (isFinal, false)
    }

    private func body(of message: [ReceiverAlert], name: String) -> [UInt8] {
        switch settings.form {
        case .webhook:
            WebhookPayload.body(of: message, name: name, receiver: settings.name, externalURL: externalURL)
        case .slack(let channel, let username):
            SlackPayload.body(of: message, name: name, channel: channel, username: username)
        }
    }

    private func drop(_ count: Int, _ reason: String) {
        metrics.dropped.add(count)
        logger.warning(
            "alerts are dropped",
            metadata: ["receiver": "\(settings.name)", "alerts": "\(count)", "reason": "\(reason)"]
        )
    }
}
