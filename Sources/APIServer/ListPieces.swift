import Model

/// Writes a list as JSON, in pieces, so that a large one is never in memory twice.
struct ListPieces<Item: Sendable>: AnswerPieces {
    private let items: [Item]
    private let warnings: [String]
    /// What the items take of the query's memory, until the last piece is written.
    private let memory: HeldMemory
    private let write: @Sendable (inout JSONWriter, Item) -> Void
    private var json = JSONWriter()
    private var place = 0
    private var isOver = false

    /// The pieces of an answer with `items`, each written by `write`.
    init(
        _ items: [Item],
        warnings: [String],
        _ memory: HeldMemory,
        write: @escaping @Sendable (inout JSONWriter, Item) -> Void
    ) {
        self.items = items
        self.warnings = warnings
        self.memory = memory
        self.write = write
        Envelope.begin(&json)
        json.beginArray()
    }

    mutating func next() -> [UInt8]? {
        guard !isOver else { return nil }
        while json.bytes.count < QueryAnswerPieces.pieceByteCount {
            guard place < items.count else {
                isOver = true
                json.endArray()
                Envelope.end(&json, warnings: warnings, infos: [])
                break
            }
            write(&json, items[place])
            place += 1
        }
        return json.takeBytes()
    }
}
