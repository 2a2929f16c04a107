import Testing

/// What the other tests stand on, tried on a server that is not ours.
extension EndToEnd {
    @Suite("The test harness")
    struct HarnessTests {
        @Test(
            "writes remote write requests that Prometheus stores, and reads its answers bit by bit",
            .enabled(if: Peers.areAvailable, "\(Peers.absence)")
        )
        func remoteWriteToPrometheus() async throws {
            let prometheus = try await PrometheusServer(
                configuration: "global: {scrape_interval: 1h}\n",
                flags: ["--web.enable-remote-write-receiver"]
            )
            defer { prometheus.kill() }
            let start = nowMillis() - 60_000
            let values = [1, -0.5, 1e21, Double.leastNonzeroMagnitude, 0.1 + 0.2, 123_456_789.25, .infinity]
            let samples = values.enumerated().map { index, value in
                RemoteWrite.Sample(millis: start + Int64(index) * 1000 + 7, value: value)
            }
            var request = RemoteWrite()
            request.add(["__name__": "harness_test", "path": "a \"b\"\\\n✓", "series": "0"], samples)
            for index in 1..<2000 {
                request.add(["__name__": "harness_test", "series": "\(index)"], [samples[0]])
            }
            let answer = try await request.send(to: prometheus.client)
            #expect(answer.status == 204, "\(answer.text)")

            let read = try await prometheus.client.query(
                #"harness_test{series="0"}[2m]"#,
                atMillis: nowMillis()
            )
            try #require(read.count == 1)
            #expect(read[0].labels["path"] == "a \"b\"\\\n✓")
            #expect(read[0].points.map(\.millis) == samples.map(\.millis))
            #expect(read[0].points.map { $0.value?.bitPattern } == values.map(\.bitPattern))
            let count = try await prometheus.client.value(of: "count(harness_test)", atMillis: start + 1000)
            #expect(count == 2000)
        }

        @Test("kills its children and reads what they printed")
        func children() async throws {
            let folder = try ScratchFolder("children")
            let output = try await Peers.run("/bin/cat", [], input: "a line\n", in: folder)
            #expect(output.ending == .exited(0))
            #expect(output.output == "a line\n")
            let sleeper = try ChildProcess(
                "/bin/sleep",
                ["3600"],
                workingDirectory: "/",
                logPath: "\(folder.path)/sleep.log"
            )
            #expect(sleeper.endingIfOver == nil)
            sleeper.kill()
            #expect(sleeper.endingIfOver == .killed(signal: 9))
        }
    }
}
