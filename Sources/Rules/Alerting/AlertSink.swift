/// Takes the alerts that receivers are to be told of.
///
/// It is called after each evaluation of an alerting rule that has something to tell, and has to return soon:
/// the group's next rule waits for it. What cannot be delivered at once is the sink's to keep and to repeat.
package protocol AlertSink: Sendable {
    /// Takes alerts that fire or were resolved; pending ones are never sent.
    func send(_ alerts: [AlertNotification]) async
}
