import Model

/// What was read from a body: the samples to store and what was refused of it.
package struct DecodedWrite: Sendable {
    /// The valid samples and metadata.
    package var batch: SampleBatch
    /// What was refused, each with its reason.
    package var rejections: Rejections
    /// How many exemplars came along; they are neither stored nor refused.
    package var exemplarCount: Int

    /// A write of the given parts.
    package init(batch: SampleBatch, rejections: Rejections, exemplarCount: Int = 0) {
        self.batch = batch
        self.rejections = rejections
        self.exemplarCount = exemplarCount
    }
}
