import Logging
import Model
import Rules
import Telemetry

/// Sends alerts to one Alertmanager, batch after batch, and keeps what cannot be sent until it can.
actor AlertmanagerSender {
    /// The most alerts that wait for one Alertmanager.
    static let queueCapacity = 10_000
    /// The most alerts of one call.
    static let batchLimit = 256

    /// How a call went.
    private enum Outcome {
        case delivered
        /// It is no use to try again.
        case refused(String)
        case failed(String)
    }

    /// Where alerts are posted to.
    nonisolated let url: String
    /// What it was made from.
    nonisolated let settings: AlertmanagerSettings
    private let client: ConfiguredClient
    private let metrics: SenderMetrics
    private let backoff: Backoff
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private var queue = AlertQueue(capacity: AlertmanagerSender.queueCapacity)
    private let task = SendingTask()

    /// A sender with nothing to send.
    ///
    /// - Throws: What is wrong with the settings or the address.
    init(
        url: String,
        settings: AlertmanagerSettings,
        registry: Registry,
        backoff: Backoff,
        logger: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) throws {
        self.url = url
        self.settings = settings
        self.backoff = backoff
        self.logger = logger
        self.now = now
        client = try ConfiguredClient(settings.client, url: url)
        metrics = SenderMetrics(labels: Labels(["alertmanager": url]), registry: registry)
    }

    /// Takes alerts to be sent; returns at once.
    func send(_ alerts: [AlertNotification]) {
        guard !task.isStopping else { return }
        let relabelled = alerts.compactMap { alert -> AlertNotification? in
            guard let labels = settings.alertRelabelling.apply(to: alert.labels), !labels.isEmpty else {
                return nil
            }
            var alert = alert
            alert.labels = labels
            return alert
        }
        drop(queue.append(relabelled), "the queue is full")
        metrics.queueLength.set(Double(queue.count))
        if queue.count > 0 { task.start { await self.work() } }
    }

    /// Takes over what another sender for the same address had not sent.
    func adopt(_ alerts: [AlertNotification]) {
        drop(queue.putBack(alerts), "the queue is full")
        send([])
    }

    /// Tries once more to send what waits, for at most so long, then ends for good and returns what could not
    /// be sent; with 0 it tries nothing more.
    func stop(withinMillis limit: Int64) async -> [AlertNotification] {
        await task.stop(withinMillis: limit, closing: client)
        metrics.queueLength.set(0)
        return queue.take(.max)
    }

    // MARK: - Sending

    private func work() async {
        var failureCount = 0
        while queue.count > 0 {
            let batch = queue.take(AlertmanagerSender.batchLimit)
            switch await post(batch) {
            case .delivered:
                metrics.sent.add(batch.count)
                if failureCount > 0 {
                    logger.info("alerts are sent again", metadata: ["alertmanager": "\(url)"])
                }
                failureCount = 0
            case .refused(let reason):
                metrics.errors.add(batch.count)
                drop(batch.count, reason)
            case .failed(let reason):
                metrics.errors.add(batch.count)
                failureCount += 1
                if failureCount == 1 {
                    logger.warning(
                        "alerts cannot be sent and are tried again",
                        metadata: [
                            "alertmanager": "\(url)", "alerts": "\(batch.count)", "error": "\(reason)",
                        ]
                    )
                }
                drop(queue.putBack(batch), "the queue is full")
                if task.isStopping {
                    task.end()
                    return
                }
                await task.sleep(millis: backoff.millis(afterFailures: failureCount))
                drop(queue.dropMoot(at: now()), "their time is over")
            }
            metrics.queueLength.set(Double(queue.count))
        }
        task.end()
    }

    private func post(_ batch: [AlertNotification]) async -> Outcome {
        let start = ContinuousClock.now
        defer { metrics.latency.observe(ContinuousClock.now - start) }
        do {
            let body = AlertPayload.body(of: batch)
            let answer = try await client.post(body, timeoutMillis: settings.timeoutMillis, as: url)
            if answer.isSuccess { return .delivered }
            let reason = "\(answer.status): \(answer.text.prefix(300))"
            return [400, 413, 422].contains(answer.status) ? .refused(reason) : .failed(reason)
        } catch {
            return .failed("\(error)")
        }
    }

    private func drop(_ count: Int, _ reason: String) {
        guard count > 0 else { return }
        metrics.dropped.add(count)
        logger.warning(
            "alerts are dropped",
            metadata: ["alertmanager": "\(url)", "alerts": "\(count)", "reason": "\(reason)"]
        )
    }
}
