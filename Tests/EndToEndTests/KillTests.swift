import Testing

extension EndToEnd {
    @Suite("kill -9")
    struct KillTests {
        @Test("at 20 random moments of ingest loses no acknowledged sample and makes none wrong")
        func kills() async throws {
            let seed = SeededGenerator.seed
            print("kill test: SEXTANT_SEED=\(seed)")
            var random = SeededGenerator(seed: seed)
            let daemon = try Daemon(["--enable-admin-api"])
            defer { daemon.kill() }
            let ledgers = (0..<3).map { WriterLedger(writer: $0, nowMillis: nowMillis()) }
            do {
                for round in 1...20 {
                    try await killedRound(round, daemon, ledgers, &random)
                    try await daemon.start()
                    let checked = round == 20 ? ledgers : [ledgers[round % 3]]
                    for ledger in ledgers { try await ledger.checkCounts(in: daemon, round: round) }
                    for ledger in checked { try await ledger.checkEverySample(in: daemon, round: round) }
                }
                #expect(try await daemon.stop() == .exited(0))
                try await daemon.start()
                for ledger in ledgers { try await ledger.checkEverySample(in: daemon, round: 21) }
            } catch {
                print("SEXTANT_SEED=\(seed); the daemon's log ends with:\n\(daemon.log.suffix(4000))")
                throw error
            }
            let acknowledged = ledgers.map { $0.acknowledgedCount }.reduce(0, +)
            print("kill test: \(acknowledged) acknowledged samples")
            #expect(acknowledged > 2000)
        }

        /// One life of the daemon, from a start (or from the running daemon) to its kill.
        ///
        /// Every fourth round begins with kills during recovery; every other round flushes while it writes.
        private func killedRound(
            _ round: Int,
            _ daemon: Daemon,
            _ ledgers: [WriterLedger],
            _ random: inout SeededGenerator
        ) async throws {
            if round % 4 == 0 {
                for _ in 0..<2 {
                    daemon.kill()
                    try daemon.launch()
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0...50, using: &random)))
                }
                daemon.kill()
            }
            if round == 1 || round % 4 == 0 { try await daemon.start() }
            let lifeMillis = Int.random(in: 50...1500, using: &random)
            let seeds = ledgers.map { _ in random.next() }
            let flushSeed = round % 2 == 0 ? random.next() : nil
            await withTaskGroup(of: Void.self) { group in
                for (ledger, seed) in zip(ledgers, seeds) {
                    group.addTask { await ledger.writeUntilRefused(to: daemon.client, seed: seed) }
                }
                if let flushSeed {
                    group.addTask { await flushUntilRefused(daemon.client, seed: flushSeed) }
                }
                group.addTask {
                    try? await Task.sleep(for: .milliseconds(lifeMillis))
                    daemon.kill()
                }
            }
        }

        private func flushUntilRefused(_ client: HTTPClient, seed: UInt64) async {
            var random = SeededGenerator(seed: seed)
            while let answer = try? await client.send("POST", "/api/v1/admin/tsdb/flush") {
                #expect(answer.status / 100 == 2, "flush: \(answer.text)")
                try? await Task.sleep(for: .milliseconds(Int.random(in: 0...200, using: &random)))
            }
        }
    }
}
