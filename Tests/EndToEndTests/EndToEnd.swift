import Testing

extension Tag {
    /// Tests that start the built daemon.
    @Tag static var endToEnd: Tag
}

/// The tests that start the built daemon, one after the other: on a small machine two daemons, a Prometheus
/// and the rest of the test run at once would only wait for each other.
@Suite("End to end", .serialized, .tags(.endToEnd), .timeLimit(.minutes(15)))
enum EndToEnd {}
