import Logging
import Model
import Rules
import Telemetry

/// Tells the Alertmanagers of the configuration what alerting rules find, as Prometheus's notifier does, and
/// the receivers that need none.
///
/// External labels are added to alerts that do not have them, then alerts are relabelled. Each Alertmanager
/// has a queue and a task of its own; what one cannot take waits for it alone.
package actor AlertNotifier: AlertSink {
    private let registry: Registry
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let backoff: Backoff
    private let externalURL: String
    private let memory: ReceiverMemory
    private var relabelling: [RelabelRule] = []
    private var externalLabels = Labels.empty
    private var senders: [AlertmanagerSender] = []
    private var receivers: [ReceiverSender] = []
    private var droppedURLs: [String] = []
    private var isStopped = false

    /// A notifier without Alertmanagers; `replace` brings them.
    package init(
        registry: Registry,
        logger: Logger,
        backoff: Backoff = Backoff(),
        externalURL: String = "",
        archive: (any RuleArchive)? = nil,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.registry = registry
        self.logger = logger
        self.backoff = backoff
        self.externalURL = externalURL
        memory = ReceiverMemory(archive, logger: logger)
        self.now = now
        registry.gauge(
            "sextant_notifications_queue_capacity",
            help: "How many alerts can wait for one Alertmanager."
        ).set(Double(AlertmanagerSender.queueCapacity))
        registry.gauge(
            "sextant_notifications_alertmanagers_discovered",
            help: "The number of Alertmanagers that alerts are sent to."
        ).set(0)
    }

    /// The addresses that alerts are posted to, and those that relabelling dropped.
    package var urls: (active: [String], dropped: [String]) { (senders.map(\.url), droppedURLs) }

    /// Makes these the Alertmanagers; what waits for one that stays goes on waiting for it.
    package func replace(by settings: AlertingSettings, externalLabels: Labels) async {
        guard !isStopped else { return }
        var old = senders
        var new: [AlertmanagerSender] = []
        var adopted: [(AlertmanagerSender, from: AlertmanagerSender)] = []
        var dropped: [String] = []
        for group in settings.alertmanagers {
            let urls = group.urls
            dropped += urls.dropped
            for url in urls.active where !new.contains(where: { $0.url == url }) {
                let index = old.firstIndex { $0.url == url }
                let known = index.map { old.remove(at: $0) }
                if let known, known.settings.isSame(as: group) {
                    new.append(known)
                    continue
                }
                do {
                    let sender = try AlertmanagerSender(
                        url: url,
                        settings: group,
                        registry: registry,
                        backoff: backoff,
                        logger: logger,
                        now: now
                    )
                    new.append(sender)
                    if let known { adopted.append((sender, from: known)) }
                } catch {
                    logger.error(
                        "an Alertmanager cannot be used",
                        metadata: ["alertmanager": "\(url)", "error": "\(error)"]
                    )
                    if let known { old.append(known) }
                }
            }
        }
        // From here on alerts go to the new ones.
        relabelling = settings.relabelling
        self.externalLabels = externalLabels
        senders = new
        droppedURLs = dropped
        registry.gauge("sextant_notifications_alertmanagers_discovered", help: "").set(Double(new.count))
        for (sender, known) in adopted { await sender.adopt(known.stop(withinMillis: 0)) }
        for sender in old { _ = await sender.stop(withinMillis: 0) }
        await replaceReceivers(by: settings.receivers)
    }

    /// Makes these the receivers; one that is the same goes on with what it knows, any other with what was
    /// told to a receiver of its name.
    private func replaceReceivers(by settings: [ReceiverSettings]) async {
        let kept = receivers.filter { settings.contains($0.settings) }
        let old = receivers.filter { !settings.contains($0.settings) }
        receivers = kept
        for receiver in old { await receiver.stop(withinMillis: 0) }
        let told = await memory.load(settings.map(\.name))
        for settings in settings where !kept.contains(where: { $0.settings == settings }) {
            do {
                let receiver = try ReceiverSender(
                    settings,
                    externalURL: externalURL,
                    registry: registry,
                    backoff: backoff,
                    memory: memory,
                    logger: logger,
                    now: now
                )
                await receiver.restore(told[ByteText(settings.name)] ?? [])
                receivers.append(receiver)
            } catch {
                logger.error(
                    "a receiver cannot be used",
                    metadata: ["receiver": "\(settings.name)", "error": "\(error)"]
                )
            }
        }
    }

    /// Hands alerts to all Alertmanagers and receivers; returns before they are sent.
    package func send(_ alerts: [AlertNotification]) async {
        let relabelled = alerts.compactMap { alert -> AlertNotification? in
            var builder = LabelsBuilder(alert.labels)
            for label in externalLabels where alert.labels[label.name] == nil {
                builder.set(label.name, label.value)
            }
            guard let labels = relabelling.apply(to: builder.build()), !labels.isEmpty else { return nil }
            var alert = alert
            alert.labels = labels
            return alert
        }
        guard !relabelled.isEmpty else { return }
        for sender in senders { await sender.send(relabelled) }
        for receiver in receivers { await receiver.send(relabelled) }
    }

    /// Tries to send what waits, for at most so long, and ends for good.
    package func stop(withinMillis limit: Int64) async {
        isStopped = true
        let (senders, receivers) = (senders, receivers)
        self.senders = []
        self.receivers = []
        await withTaskGroup(of: Void.self) { group in
            for receiver in receivers { group.addTask { await receiver.stop(withinMillis: limit) } }
            for sender in senders {
                group.addTask { [logger] in
                    let left = await sender.stop(withinMillis: limit)
                    guard !left.isEmpty else { return }
                    logger.warning(
                        "alerts could not be sent before the end",
                        metadata: ["alertmanager": "\(sender.url)", "alerts": "\(left.count)"]
                    )
                }
            }
        }
    }
}
