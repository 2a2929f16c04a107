import Model

/// How the points of an answer begin in JSON, such as `,[1700000000,"`, for times that several series have.
package struct TimeTexts: Sendable {
    /// The times of the first series.
    private var millis: [Int64] = []
    /// Whether another series had the same, so that the texts were written.
    private var isWritten = false
    private var bytes: [UInt8] = []
    /// Where each text ends.
    private var ends: [Int] = []

    /// No times yet.
    package init() {}

    /// Whether the texts can be used for a series with these times, which is the next one of the answer.
    package mutating func covers(_ times: [Int64]) -> Bool {
        if millis.isEmpty {
            millis = times
            return false
        }
        guard times == millis else { return false }
        guard !isWritten else { return true }
        isWritten = true
        ends.reserveCapacity(times.count)
        bytes.reserveCapacity(times.count * 16)
        for time in times {
            TimeTexts.append(Timestamp(millis: time), to: &bytes)
            ends.append(bytes.count)
        }
        return true
    }

    /// Appends the text of the time at `place`.
    package func append(_ place: Int, to out: inout [UInt8]) {
        out.append(contentsOf: bytes, in: (place == 0 ? 0 : ends[place - 1])..<ends[place])
    }

    /// Appends the text of one time.
    static func append(_ time: Timestamp, to out: inout [UInt8]) {
        out.append(UInt8(ascii: ","))
        out.append(UInt8(ascii: "["))
        ValueText.append(time, to: &out)
        out.append(UInt8(ascii: ","))
        out.append(UInt8(ascii: "\""))
    }
}
