import Logging
import Model
import Telemetry

/// The counters and the log of the store.
struct StorageTelemetry: Sendable {
    let logger: Logger
    let logBytes: Counter
    let logRecords: Counter
    let logFilesRecycled: Counter
    let logReserveRefusals: Counter
    let logSyncSeconds: Histogram
    let fileErrors: Counter
    let seriesCreated: Counter
    let samplesAppended: Counter
    let samplesOutOfOrder: Counter
    let samplesOverwritten: Counter
    let samplesRejected: Counter
    let flushes: Counter
    let flushFailures: Counter
    let compactions: Counter
    let compactionBytes: Counter
    let compactionFailures: Counter
    let segmentsExpired: Counter
    let deletes: Counter
    let deletedBytes: Counter
    let deletedSamples: Counter
    let damagedRecords: Counter
    let damagedSegments: Counter
    let damagedCatalogs: Counter
    let tornLogs: Counter
    let scrubs: Counter
    let scrubbedBytes: Counter

    init(_ registry: Registry, logger: Logger) {
        self.logger = logger
        logBytes = registry.counter(
            "sextant_log_written_bytes_total",
            help: "Bytes written to the write-ahead log."
        )
        logRecords = registry.counter(
            "sextant_log_written_records_total",
            help: "Records written to the write-ahead log."
        )
        logFilesRecycled = registry.counter(
            "sextant_log_recycled_files_total",
            help: "Files of the write-ahead log that overwrote an old one instead of growing."
        )
        logReserveRefusals = registry.counter(
            "sextant_disk_reserve_refusals_total",
            help: "Writes refused because the disk has less free than the reserve."
        )
        logSyncSeconds = registry.histogram(
            "sextant_log_sync_duration_seconds",
            help: "Time that fdatasync of the write-ahead log took."
        )
        fileErrors = registry.counter(
            "sextant_storage_file_errors_total",
            help: "File operations that the operating system refused."
        )
        seriesCreated = registry.counter(
            "sextant_series_created_total",
            help: "Series seen for the first time."
        )
        samplesAppended = registry.counter(
            "sextant_storage_samples_appended_total",
            help: "Samples put into the head."
        )
        samplesOutOfOrder = registry.counter(
            "sextant_storage_samples_out_of_order_total",
            help: "Samples older than the newest one of their series and window."
        )
        samplesOverwritten = registry.counter(
            "sextant_storage_samples_overwritten_total",
            help: "Samples with the time of the newest one of their series and window, which they replaced."
        )
        samplesRejected = registry.counter(
            "sextant_storage_samples_rejected_total",
            help: "Samples that the store refused."
        )
        flushes = registry.counter("sextant_flushes_total", help: "Flushes of head windows into segments.")
        flushFailures = registry.counter(
            "sextant_flush_failures_total",
            help: "Flushes that failed; their samples stay in the head and the log."
        )
        compactions = registry.counter("sextant_compactions_total", help: "Merges of segments.")
        compactionBytes = registry.counter(
            "sextant_compaction_written_bytes_total",
            help: "Bytes of segments that merges wrote."
        )
        compactionFailures = registry.counter(
            "sextant_compaction_failures_total",
            help: "Merges of segments that failed; the segments stay as they were."
        )
        segmentsExpired = registry.counter(
            "sextant_segments_expired_total",
            help: "Segments deleted or rewritten because samples in them expired."
        )
        deletes = registry.counter(
            "sextant_deletes_total",
            help: "Deletes that were put in force."
        )
        deletedBytes = registry.counter(
            "sextant_deleted_bytes_total",
            help: "Bytes that segments became smaller by when deleted samples were removed."
        )
        deletedSamples = registry.counter(
            "sextant_deleted_samples_total",
            help: "Deleted samples that were removed from segments."
        )
        damagedRecords = registry.counter(
            "sextant_log_damaged_records_total",
            help: "Stretches of the log that could not be read at start."
        )
        damagedSegments = registry.counter(
            "sextant_segments_damaged_total",
            help: "Segments or parts of segments that could not be read."
        )
        damagedCatalogs = registry.counter(
            "sextant_catalog_damaged_total",
            help: "Catalogs that were damaged and made again from the segments."
        )
        tornLogs = registry.counter(
            "sextant_log_torn_files_total",
            help: "Files of the log whose end was not whole at start."
        )
        scrubs = registry.counter(
            "sextant_scrubs_total",
            help: "Times that all segments and the catalog were checked in the background."
        )
        scrubbedBytes = registry.counter(
            "sextant_scrub_checked_bytes_total",
            help: "Bytes of segments that were checked in the background."
        )
    }

    /// Counts and logs a refused file operation.
    func note(_ error: FileError) {
        fileErrors.add()
        logger.error("\(error)")
    }

    /// Counts and logs what went wrong with a segment.
    func note(_ error: StorageError) {
        if case .file(let error) = error { return note(error) }
        damagedSegments.add()
        logger.error("\(error)")
    }
}
