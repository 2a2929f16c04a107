import Model

/// What has to be written of a rule's alerts after an evaluation.
struct AlertChange: Hashable, Sendable {
    /// The alerts that are new or have come farther.
    var saved: [Alert] = []
    /// The labels of those that are forgotten.
    var removed: [Labels] = []

    var isEmpty: Bool { saved.isEmpty && removed.isEmpty }

    /// The difference between two states; values, annotations and times of telling are none.
    init(from old: AlertBook, to new: AlertBook) {
        guard old != new else { return }
        for (labels, alert) in new.alerts where !AlertChange.isSame(old.alerts[labels], alert) {
            saved.append(alert)
        }
        removed = old.alerts.keys.filter { new.alerts[$0] == nil }
    }

    private static func isSame(_ old: Alert?, _ new: Alert) -> Bool {
        guard let old else { return false }
        return old.state == new.state && old.activeAt == new.activeAt && old.firedAt == new.firedAt
            && old.resolvedAt == new.resolvedAt && old.keepFiringSince == new.keepFiringSince
    }
}
