/// What one request, one series, one query and all of them together may use up.
///
/// `entries` lists every limit with the name that it has in the configuration, in the metric `sextant_limit`
/// and in the errors of what exceeds it. Times are in milliseconds, sizes in bytes.
public struct Limits: Hashable, Sendable {
    /// The defaults.
    public static let `default` = Limits()
    /// The deepest nesting of a query, a YAML document or a protobuf message; it protects the stack and
    /// cannot be set.
    public static let nestingDepth = 128
    /// The memory that one held sample counts for, a time and a value, in bytes.
    public static let sampleMemoryBytes = 16

    // Connections and requests.
    /// Open connections in all.
    public var connections = 1024
    /// Open connections of one address, loopback excepted.
    public var connectionsPerAddress = 256
    /// How many of `connections` only this machine may use.
    public var connectionsForLoopback = 32
    /// The header fields of a request together, and one of them.
    public var headerBytes = 64 << 10
    /// Header fields of a request.
    public var headerFields = 200
    /// Path and query of a request.
    public var uriBytes = 32 << 10
    /// From the first byte of a header (of a new connection: from its start) to its end.
    public var headerTimeout = 5000
    /// Bytes a second that a body must bring on average, once `body_rate_timeout` was waited for it.
    public var bodyRateBytes = 1 << 10
    /// How long a body may be slow.
    public var bodyRateTimeout = 10_000
    /// How long a connection stays open without a request.
    public var idleTimeout = 60_000
    /// How long a client may take nothing of its answer.
    public var writeTimeout = 30_000

    // Bodies.
    /// A remote write body as sent.
    public var bodyBytes = 16 << 20
    /// A body once decompressed.
    public var decompressedBodyBytes = 32 << 20
    /// All bodies that are being read or decoded, together.
    public var bodiesInFlightBytes = 128 << 20
    /// The form of a query.
    public var formBytes = 1 << 20
    /// How many times as long as its gzip an import may be, from 1 MiB on.
    public var gzipRatio = 200
    /// A line of a text import.
    public var lineBytes = 1 << 20
    /// Samples of one remote write request.
    public var samplesPerWrite = 4 << 20
    /// Buckets, and bounds of custom ones, of a native histogram.
    public var bucketsPerHistogram = 4096
    /// Metadata entries of one request.
    public var metadataPerWrite = 100_000

    // Series and samples.
    /// Labels of a series, its name included.
    public var labelsPerSeries = 40
    /// A label name.
    public var labelNameBytes = 256
    /// A label value, metric names included.
    public var labelValueBytes = 4 << 10
    /// How far ahead of the clock a sample may be.
    public var future = 10 * 60_000

    // Cardinality; 0 is no limit.
    /// Series written within two to four hours.
    public var seriesActive = 5_000_000
    /// Series of one metric name.
    public var seriesPerMetric = 0
    /// Series that are new within a minute of the clock.
    public var seriesCreatedPerMinute = 0

    // Deletes.
    /// Deletes in force: of samples that still lie in files.
    public var deletesInForce = 1000

    // Pushed groups.
    /// Groups that clients have pushed.
    public var pushGroups = 10_000
    /// Series of all pushed groups together.
    public var pushSeries = 1_000_000

    // Queries.
    /// Queries that run at a time.
    public var concurrentQueries = 4
    /// Queries that wait for others to end.
    public var queuedQueries = 64
    /// How long one waits.
    public var queryWait = 5000
    /// How long a query runs.
    public var queryTimeout = 30_000
    /// A query or selector.
    public var queryTextBytes = 64 << 10
    /// A regular expression.
    public var regexBytes = 4 << 10
    /// Samples that a query holds in memory at once.
    public var samplesPerQuery = 50_000_000
    /// The memory that a query takes at once: 16 bytes for a sample, some 300 bytes and the labels for each
    /// selected series, and its answer until it is sent.
    public var queryMemoryBytes = 128 << 20
    /// The same of all queries from the API together.
    public var allQueriesMemoryBytes = 256 << 20
    /// Answers of range queries that are remembered.
    public var queryCacheBytes = 32 << 20
    /// Decoded columns of samples that queries wanted more than once lately.
    public var columnCacheBytes = 64 << 20
    /// Points of a series in the answer to a range query.
    public var pointsPerSeries = 11_000
    /// Points of a series inside of a subquery.
    public var pointsPerSubquery = 100_000
    /// Series, names or values in an answer about labels.
    public var seriesPerAnswer = 100_000
    /// A label value made by `label_replace` or `label_join`.
    public var madeStringBytes = 64 << 10

    /// The defaults.
    public init() {}
}

extension Limits {
    /// What a limit's number means.
    public enum Unit: Hashable, Sendable {
        /// Bytes.
        case bytes
        /// A number of things.
        case count
        /// Milliseconds; seconds in the metric, a duration in the configuration.
        case time
    }

    /// One limit.
    public struct Entry: Sendable {
        /// Its name everywhere outside of the code.
        public var name: String
        /// What its number means.
        public var unit: Unit
        /// Where its value is.
        public var path: WritableKeyPath<Limits, Int> & Sendable
        /// The least and the most that it can be set to.
        public var range: ClosedRange<Int>
        /// Whether a reload puts a new value into force; otherwise it takes a restart.
        public var isLive: Bool

        init(
            _ name: String,
            _ unit: Unit,
            _ path: WritableKeyPath<Limits, Int> & Sendable,
            _ range: ClosedRange<Int>,
            isLive: Bool = true
        ) {
            self.name = name
            self.unit = unit
            self.path = path
            self.range = range
            self.isLive = isLive
        }
    }

    private static let size = 1 << 40
    private static let day = 86_400_000

    /// Every limit that can be set.
    public static let entries: [Entry] = [
        Entry("connections", .count, \.connections, 1...1_000_000, isLive: false),
        Entry("connections_per_address", .count, \.connectionsPerAddress, 1...1_000_000),
        Entry("connections_for_loopback", .count, \.connectionsForLoopback, 0...1_000_000),
        Entry("header_bytes", .bytes, \.headerBytes, 1024...(16 << 20)),
        Entry("header_fields", .count, \.headerFields, 10...10_000),
        Entry("uri_bytes", .bytes, \.uriBytes, 256...(16 << 20)),
        Entry("header_timeout", .time, \.headerTimeout, 10...day),
        Entry("body_rate_bytes", .bytes, \.bodyRateBytes, 0...size),
        Entry("body_rate_timeout", .time, \.bodyRateTimeout, 10...day),
        Entry("idle_timeout", .time, \.idleTimeout, 10...day),
        Entry("write_timeout", .time, \.writeTimeout, 10...day),

        Entry("body_bytes", .bytes, \.bodyBytes, 1024...(1 << 31)),
        Entry("decompressed_body_bytes", .bytes, \.decompressedBodyBytes, 1024...(1 << 31)),
        Entry("bodies_in_flight_bytes", .bytes, \.bodiesInFlightBytes, 1024...size),
        Entry("form_bytes", .bytes, \.formBytes, 1024...(1 << 30)),
        Entry("gzip_ratio", .count, \.gzipRatio, 1...1_000_000),
        Entry("line_bytes", .bytes, \.lineBytes, 256...(1 << 30)),
        Entry("samples_per_write", .count, \.samplesPerWrite, 1...(1 << 30)),
        Entry("buckets_per_histogram", .count, \.bucketsPerHistogram, 1...(1 << 16)),
        Entry("metadata_per_write", .count, \.metadataPerWrite, 1...(1 << 30)),

        Entry("labels_per_series", .count, \.labelsPerSeries, 1...1000),
        Entry("label_name_bytes", .bytes, \.labelNameBytes, 8...(32 << 10)),
        Entry("label_value_bytes", .bytes, \.labelValueBytes, 8...(1 << 20)),
        Entry("future", .time, \.future, 0...(100 * 365 * day)),

        Entry("series_active", .count, \.seriesActive, 0...(1 << 30)),
        Entry("series_per_metric", .count, \.seriesPerMetric, 0...(1 << 30)),
        Entry("series_created_per_minute", .count, \.seriesCreatedPerMinute, 0...(1 << 30)),

        Entry("deletes_in_force", .count, \.deletesInForce, 1...100_000),

        Entry("push_groups", .count, \.pushGroups, 1...(1 << 30)),
        Entry("push_series", .count, \.pushSeries, 1...(1 << 30)),

        Entry("concurrent_queries", .count, \.concurrentQueries, 1...1024, isLive: false),
        Entry("queued_queries", .count, \.queuedQueries, 0...100_000),
        Entry("query_wait", .time, \.queryWait, 0...day),
        Entry("query_timeout", .time, \.queryTimeout, 1...day),
        Entry("query_text_bytes", .bytes, \.queryTextBytes, 64...(1 << 20)),
        Entry("regex_bytes", .bytes, \.regexBytes, 64...(64 << 10)),
        Entry("samples_per_query", .count, \.samplesPerQuery, 1...size),
        Entry("query_memory_bytes", .bytes, \.queryMemoryBytes, (64 << 10)...size),
        Entry("all_queries_memory_bytes", .bytes, \.allQueriesMemoryBytes, (64 << 10)...size),
        Entry("query_cache_bytes", .bytes, \.queryCacheBytes, 0...size),
        Entry("column_cache_bytes", .bytes, \.columnCacheBytes, 0...size, isLive: false),
        Entry("points_per_series", .count, \.pointsPerSeries, 1...10_000_000),
        Entry("points_per_subquery", .count, \.pointsPerSubquery, 1...10_000_000),
        Entry("series_per_answer", .count, \.seriesPerAnswer, 1...(1 << 30)),
        Entry("made_string_bytes", .bytes, \.madeStringBytes, 8...(1 << 20)),
    ]
}
