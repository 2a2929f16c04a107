/// One pushed group as it is kept over restarts.
public struct PushRecord: Hashable, Sendable {
    /// The grouping labels, each as name and value by `Labels.appendField`, in name order.
    ///
    /// Values may be empty.
    public var labels: [UInt8]
    /// The metrics of the group in text exposition format.
    public var body: [UInt8]
    /// When the group was last pushed with success; nil for never.
    public var pushTime: Timestamp?
    /// When a push into the group was last refused; nil for never.
    public var failureTime: Timestamp?

    /// A record of the given parts.
    public init(labels: [UInt8], body: [UInt8], pushTime: Timestamp?, failureTime: Timestamp?) {
        self.labels = labels
        self.body = body
        self.pushTime = pushTime
        self.failureTime = failureTime
    }
}

/// Where pushed groups survive restarts.
public protocol PushArchive: Sendable {
    /// All groups.
    func pushRecords() async throws(SinkError) -> [PushRecord]
    /// Adds or replaces the group of the record's labels; durable when it returns.
    func save(_ record: PushRecord) async throws(SinkError)
    /// Removes the groups with these labels, those that exist; durable when it returns.
    func removePushRecords(labels: [[UInt8]]) async throws(SinkError)
}
