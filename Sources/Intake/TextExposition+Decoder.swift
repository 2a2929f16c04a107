import Glibc
import Model

extension TextExposition {
    /// Reads a body piece by piece, wherever the pieces are cut.
    ///
    /// It holds what was decoded since the last `take` and at most one line that is not complete yet:
    ///
    ///     for piece in body {
    ///         decoder.feed(piece)
    ///         if decoder.pendingSampleCount > 10_000 { store(decoder.take()) }
    ///     }
    ///     store(decoder.finish())
    package struct Decoder: Sendable {
        private let now: Timestamp
        private let options: Options
        private var columns = BatchColumns()
        private var rejections = Rejections()
        private var collector: LabelCollector
        private var family: MetricMetadata?
        private var lineNumber = 0
        /// The beginning of a line whose end has not come yet.
        private var partial: [UInt8] = []
        /// How many bytes the line under way has, if it is too long to be kept.
        private var discardedByteCount = 0
        /// The text of the last accepted series; the next line often has the same.
        private var lastSeriesText: [UInt8] = []
        private var lastSeriesEndsInBrace = false
        private var lastPacked: [UInt8] = []

        /// A decoder at the start of a body.
        ///
        /// - Parameters:
        ///   - now: The time of samples that have none.
        ///   - options: How strictly to read.
        package init(now: Timestamp, options: Options = Options()) {
            self.now = now
            self.options = options
            collector = LabelCollector(limits: options.limits)
        }

        /// How many samples `take` would return.
        package var pendingSampleCount: Int { columns.timestamps.count }
        /// The bytes of the labels of the series that are read and not taken yet.
        package var pendingLabelByteCount: Int { columns.labelBytes.count }

        /// Reads the next piece of the body.
        package mutating func feed(_ piece: [UInt8]) {
            feed(piece.span)
        }

        /// Reads the next piece of the body, such as the readable bytes of a network buffer.
        package mutating func feed(_ piece: Span<UInt8>) {
            var start = 0
            if !partial.isEmpty || discardedByteCount > 0 {
                guard let end = Decoder.newline(in: piece, from: 0) else {
                    keepPartial(piece)
                    return
                }
                keepPartial(piece.extracting(0..<end))
                readPartial()
                start = end + 1
            }
            while let end = Decoder.newline(in: piece, from: start) {
                read(line: piece.extracting(start..<end))
                start = end + 1
            }
            if start < piece.count { keepPartial(piece.extracting(start..<piece.count)) }
        }

        /// What was decoded since the last call, which the decoder then no longer holds.
        package mutating func take() -> DecodedWrite {
            defer { rejections = Rejections() }
            lastSeriesText.removeAll(keepingCapacity: true)
            columns.endSeries()
            return DecodedWrite(batch: columns.take(), rejections: rejections)
        }

        /// Reads the last line if it has no newline, and returns what `take` would.
        package mutating func finish() -> DecodedWrite {
            if !partial.isEmpty || discardedByteCount > 0 {
                if options.requiresFinalNewline {
                    partial.removeAll()
                    discardedByteCount = 0
                    lineNumber += 1
                    let number = lineNumber
                    rejections.add("line \(number): the last line does not end with a newline")
                } else {
                    readPartial()
                }
            }
            endFamily()
            return take()
        }

        // MARK: Lines

        private static func newline(in bytes: Span<UInt8>, from start: Int) -> Int? {
            bytes.withUnsafeBytes { raw -> Int? in
                guard start < raw.count, let base = raw.baseAddress,
                    let found = memchr(base + start, 0x0a, raw.count - start)
                else { return nil }
                return UnsafeRawPointer(found) - base
            }
        }

        private mutating func keepPartial(_ bytes: Span<UInt8>) {
            guard discardedByteCount == 0, partial.count + bytes.count <= options.limits.lineBytes else {
                discardedByteCount += partial.count + bytes.count
                partial.removeAll()
                return
            }
            bytes.withUnsafeBufferPointer { partial.append(contentsOf: $0) }
        }

        private mutating func readPartial() {
            if discardedByteCount > 0 {
                refuseLongLine(byteCount: discardedByteCount)
                discardedByteCount = 0
                return
            }
            var line: [UInt8] = []
            swap(&line, &partial)
            read(line: line.span)
            line.removeAll(keepingCapacity: true)
            swap(&line, &partial)
        }

        private mutating func refuseLongLine(byteCount: Int) {
            lineNumber += 1
            let (number, limit) = (lineNumber, options.limits.lineBytes)
            rejections.add(
                "line \(number): \(byteCount) bytes are more than the limit of \(limit) (line_bytes)"
            )
        }

        private mutating func read(line full: Span<UInt8>) {
            guard full.count <= options.limits.lineBytes else {
                refuseLongLine(byteCount: full.count)
                return
            }
            lineNumber += 1
            let hasReturn = full.count > 0 && full[full.count - 1] == UInt8(ascii: "\r")
            let line = hasReturn ? full.extracting(0..<full.count - 1) : full
            var position = 0
            ExpositionLine.skipBlanks(line, &position)
            guard position < line.count else { return }
            do throws(ExpositionFault) {
                if line[position] == UInt8(ascii: "#") {
                    try readComment(line, position + 1)
                } else {
                    if family != nil { endFamily() }
                    try readSample(line, position)
                }
            } catch {
                let reason = error.reason(line, collector)
                let number = lineNumber
                rejections.add("line \(number): \(reason)")
            }
        }

        // MARK: Samples

        private mutating func readSample(_ line: Span<UInt8>, _ start: Int) throws(ExpositionFault) {
            if let position = endOfRepeatedSeries(line, start) {
                let (value, time) = try ExpositionLine.valueAndTime(line, position)
                columns.append(millis: (time ?? now).millis, value: value)
                return
            }
            var position = start
            collector.removeAll()
            try ExpositionLine.series(line, &position, into: &collector)
            let end = position
            let (value, time) = try ExpositionLine.valueAndTime(line, position)
            do throws(LabelFault) {
                try collector.pack()
            } catch {
                throw .labels(error)
            }
            let text = line.extracting(start..<end)
            if lastSeriesText.isEmpty || collector.packed != lastPacked {
                columns.beginSeries(packed: collector.packed)
                lastPacked = collector.packed
            }
            lastSeriesText.removeAll(keepingCapacity: true)
            text.withUnsafeBufferPointer { lastSeriesText.append(contentsOf: $0) }
            lastSeriesEndsInBrace = lastSeriesText.last == UInt8(ascii: "}")
            columns.append(millis: (time ?? now).millis, value: value)
        }

        /// Where the series ends if it is written exactly as the last accepted one, else nil.
        private func endOfRepeatedSeries(_ line: Span<UInt8>, _ start: Int) -> Int? {
            let length = lastSeriesText.count
            guard length > 0, line.count - start > length, ExpositionLine.isBlank(line[start + length]) else {
                return nil
            }
            let isSame = line.withUnsafeBytes { raw in
                lastSeriesText.withUnsafeBytes { last in
                    guard let new = raw.baseAddress, let old = last.baseAddress else { return false }
                    return memcmp(new + start, old, length) == 0
                }
            }
            guard isSame else { return nil }
            var position = start + length
            ExpositionLine.skipBlanks(line, &position)
            // A name alone may still be followed by its labels.
            if !lastSeriesEndsInBrace, position < line.count, line[position] == UInt8(ascii: "{") {
                return nil
            }
            return position
        }

        // MARK: Metadata

        private mutating func readComment(_ line: Span<UInt8>, _ start: Int) throws(ExpositionFault) {
            guard let comment = try ExpositionComment(line, start) else { return }
            if let fault = comment.name.withUnsafeBytes({
                MetadataText.fault(inName: $0, limits: options.limits)
            }) {
                throw .metadata(fault)
            }
            let name = String(decoding: comment.name, as: UTF8.self)
            if family?.name != name {
                endFamily()
                guard columns.metadata.count < options.limits.metadataPerWrite else {
                    throw .metadata(.tooMany(limit: options.limits.metadataPerWrite))
                }
            }
            var changed = family ?? MetricMetadata(name: name, kind: .unknown)
            switch comment.content {
            case .help(let text): changed.help = MetadataText.text(text, limits: options.limits)
            case .unit(let text): changed.unit = MetadataText.text(text, limits: options.limits)
            case .type(let kind): changed.kind = kind
            }
            family = changed
        }

        private mutating func endFamily() {
            if let family { columns.metadata.append(family) }
            family = nil
        }
    }
}
