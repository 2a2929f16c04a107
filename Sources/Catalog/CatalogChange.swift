import Model

/// The counters that must never run backwards, also when the files that showed them are gone.
package struct Counters: Hashable, Sendable {
    /// The number of the newest write.
    package var lastSequence: UInt64 = 0
    /// The number of the newest write that is in segments, as all writes before it are.
    package var flushedSequence: UInt64 = 0
    /// The number in the newest segment file's name.
    package var lastFile: UInt64 = 0
    /// The number of the first log file that counts; what stood in those before is in segments and here.
    package var firstLog: UInt64 = 0

    /// Counters of an empty store.
    package init() {}
}

/// What one flush or clean-up changes.
package struct CatalogChange: Sendable {
    /// Segments that now belong to the store.
    package var addedSegments: [SegmentRecord] = []
    /// Files of segments that no longer belong to it; where they still exist, a start deletes them.
    package var removedFiles: [String] = []
    /// Files of segments that are not where they were, such as those in quarantine.
    package var lostFiles: [String] = []
    /// New or changed metadata.
    package var metadata: [MetricMetadata] = []
    /// What was found damaged and lies in quarantine now.
    package var addedDamages: [DamageRecord] = []
    /// Names of files whose damage need not be told of any more.
    package var removedDamages: [String] = []
    /// Deletes that are in force from now on.
    package var addedTombstones: [TombstoneRecord] = []
    /// The numbers of deletes of whose samples nothing is left.
    package var removedTombstones: [UInt64] = []
    /// The retention policy that is in force from now on; nil if that stays.
    package var retention: RetentionPolicy?
    /// The counters as of now.
    package var counters: Counters

    /// Whether it changes nothing but the counters.
    package var isEmpty: Bool {
        addedSegments.isEmpty && removedFiles.isEmpty && lostFiles.isEmpty && metadata.isEmpty
            && addedDamages.isEmpty && removedDamages.isEmpty && addedTombstones.isEmpty
            && removedTombstones.isEmpty && retention == nil
    }

    /// A change that only notes the counters.
    package init(counters: Counters) {
        self.counters = counters
    }
}

/// A damaged file in quarantine: readers of the times it touches are told that samples are missing.
package struct DamageRecord: Hashable, Sendable {
    /// The file's name inside the quarantine folder.
    package var file: String
    /// The times of which samples may be missing.
    package var range: TimeRange
    /// The sentence for readers.
    package var text: String

    /// The damage of the file `file`.
    package init(file: String, range: TimeRange, text: String) {
        self.file = file
        self.range = range
        self.text = text
    }
}
