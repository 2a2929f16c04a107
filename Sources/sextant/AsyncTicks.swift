/// A sequence that has an element after each time span, until its task is cancelled.
struct AsyncTicks: AsyncSequence, Sendable {
    /// The time span, in milliseconds.
    let everyMillis: Int

    struct AsyncIterator: AsyncIteratorProtocol {
        let everyMillis: Int

        mutating func next() async -> Void? {
            try? await Task.sleep(for: .milliseconds(everyMillis))
            return Task.isCancelled ? nil : ()
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(everyMillis: everyMillis) }
}
