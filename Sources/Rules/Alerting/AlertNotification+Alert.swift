import Model

extension AlertNotification {
    /// What receivers are told at `time` of an alert of `rule`, whose group has that interval.
    ///
    /// An alert that goes on counts as firing for four times the interval or the resend delay, the longer of
    /// them, so that two notifications may get lost.
    init(_ alert: Alert, rule: Rule, at time: Timestamp, intervalMillis: Int64, settings: AlertSettings) {
        let (validMillis, overflow) = max(intervalMillis, settings.resendDelayMillis)
            .multipliedReportingOverflow(by: 4)
        self.init(
            labels: alert.labels,
            annotations: alert.annotations,
            startsAt: alert.firedAt ?? alert.activeAt,
            endsAt: alert.resolvedAt ?? time.advanced(byMillis: overflow ? .max : validMillis),
            generatorURL: settings.externalURL + URLText.expressionPath(rule.query, isTable: true),
            isResolved: alert.resolvedAt != nil
        )
    }
}
