import Synchronization
import Testing

/// One writer of the kill test and its book of what it sent and what the daemon acknowledged.
///
/// The value of every sample follows from its series and time, so the book needs no values and the same
/// sample may be sent again at any time.
final class WriterLedger: Sendable {
    /// How many series a writer has; each batch holds all of them.
    static let seriesCount = 20
    private static let daysBack: Int64 = 20

    private struct Book {
        /// By series: the times of the samples that may be there, and of those that must be there.
        var sent = [Set<Int64>](repeating: [], count: seriesCount)
        var acknowledged = [Set<Int64>](repeating: [], count: seriesCount)
        var nextMillis: Int64
    }

    private let writer: Int
    private let startMillis: Int64
    private let book: Mutex<Book>

    init(writer: Int, nowMillis: Int64) {
        self.writer = writer
        startMillis = nowMillis
        book = Mutex(Book(nextMillis: nowMillis - 6 * 3_600_000))
    }

    /// How many samples must be there.
    var acknowledgedCount: Int { book.withLock { $0.acknowledged.reduce(0) { $0 + $1.count } } }

    /// Sends batch after batch until the daemon is gone.
    func writeUntilRefused(to client: HTTPClient, seed: UInt64) async {
        var random = SeededGenerator(seed: seed)
        while true {
            let times = nextTimes(using: &random)
            var request = RemoteWrite()
            for series in 0..<WriterLedger.seriesCount {
                request.add(labels(series), times.map { .init(millis: $0, value: value(series, $0)) })
            }
            note(times, in: \.sent)
            guard let answer = try? await request.send(to: client) else { return }
            #expect(answer.status == 204, "writer \(writer): \(answer.text)")
            if answer.status == 204 { note(times, in: \.acknowledged) }
            // So that a fast machine does not write more than the checks can read.
            try? await Task.sleep(for: .milliseconds(Int.random(in: 0...30, using: &random)))
        }
    }

    /// Checks that each series has at least the acknowledged number of samples and at most the number sent.
    func checkCounts(in daemon: Daemon, round: Int) async throws {
        let counted = try await daemon.client.query("count_over_time(\(selector))", atMillis: endMillis)
        var counts = [Int](repeating: 0, count: WriterLedger.seriesCount)
        for series in counted {
            guard let index = series.labels["series"].flatMap(Int.init) else { continue }
            counts[index] = Int(series.points[0].value ?? -1)
        }
        let (sent, acknowledged) = book.withLock { ($0.sent, $0.acknowledged) }
        var wrong: [String] = []
        for series in 0..<WriterLedger.seriesCount {
            let allowed = acknowledged[series].count...sent[series].count
            if allowed.contains(counts[series]) { continue }
            wrong.append("series \(series): \(counts[series]) samples, not \(allowed)")
        }
        #expect(wrong.isEmpty, "round \(round), writer \(writer): \(wrong.prefix(3)) of \(wrong.count)")
    }

    /// Reads all samples and checks that no acknowledged one is missing and that none is wrong.
    func checkEverySample(in daemon: Daemon, round: Int) async throws {
        let read = try await daemon.client.query(selector, atMillis: endMillis)
        let (sent, acknowledged) = book.withLock { ($0.sent, $0.acknowledged) }
        var missing = acknowledged
        var wrong: [String] = []
        for series in read {
            let index = try #require(series.labels["series"].flatMap(Int.init))
            if series.labels != labels(index) { wrong.append("labels \(series.labels)") }
            for point in series.points {
                missing[index].remove(point.millis)
                let expected = value(index, point.millis)
                if point.value?.bitPattern != expected.bitPattern || !sent[index].contains(point.millis) {
                    wrong.append("series \(index) at \(point.millis): \(point.text) instead of \(expected)")
                }
            }
            let times = series.points.map(\.millis)
            if zip(times, times.dropFirst()).contains(where: { $0 >= $1 }) {
                wrong.append("disorder in \(index)")
            }
        }
        let lost = missing.enumerated().filter { !$0.element.isEmpty }.map { index, times in
            "series \(index): \(times.count) lost, from \(times.min() ?? 0) to \(times.max() ?? 0)"
        }
        #expect(lost.isEmpty, "round \(round), writer \(writer): \(lost.prefix(3)) of \(lost.count) series")
        #expect(wrong.isEmpty, "round \(round), writer \(writer): \(wrong.prefix(3)) of \(wrong.count)")
    }

    /// The times of a batch: mostly the next five seconds, at times five moments of one of the past weeks in
    /// any order, as a backfill sends them.
    private func nextTimes(using random: inout SeededGenerator) -> [Int64] {
        if Int.random(in: 0..<10, using: &random) < 3 {
            let base = startMillis - Int64.random(in: 1...WriterLedger.daysBack, using: &random) * 86_400_000
            return (0..<5).map { _ in base + Int64.random(in: 0..<14_400_000, using: &random) }
        }
        let first = book.withLock { book in
            defer { book.nextMillis += 5000 }
            return book.nextMillis
        }
        return (0..<5).map { first + $0 * 1000 }
    }

    private func note(_ times: [Int64], in list: WritableKeyPath<Book, [Set<Int64>]>) {
        book.withLock { book in
            for series in 0..<WriterLedger.seriesCount { book[keyPath: list][series].formUnion(times) }
        }
    }

    private func labels(_ series: Int) -> [String: String] {
        ["__name__": "kill_test", "writer": "\(writer)", "series": "\(series)"]
    }

    private var selector: String { "kill_test{writer=\"\(writer)\"}[\(WriterLedger.daysBack + 2)d]" }
    private var endMillis: Int64 { startMillis + 86_400_000 }

    /// The one right value of a sample: constants, small integers, prices and arbitrary bits, by series.
    private func value(_ series: Int, _ millis: Int64) -> Double {
        let bits = SeededGenerator.mix(UInt64(bitPattern: millis) &+ UInt64(writer * 100 + series) << 48)
        switch series % 4 {
        case 0: return Double(writer * 100 + series)
        case 1: return Double(bits % 1000)
        case 2: return Double(bits % 1_000_000) / 100
        default:
            let any = Double(bitPattern: bits)
            return any.isFinite ? any : 0.5
        }
    }
}
