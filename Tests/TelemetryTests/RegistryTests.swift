import Model
import Telemetry
import Testing

@Suite struct RegistryTests {
    @Test("families come in name order, series in label order, with help and type before them")
    func rendersInOrder() {
        let registry = Registry()
        registry.gauge("sextant_b", help: "Second.").set(-0.5)
        let help = "First\nwith \\ and \"."
        registry.counter("sextant_a_total", help: help, labels: Labels(["code": "500"])).add(2)
        registry.counter("sextant_a_total", help: help, labels: Labels(["code": "200"])).add()
        registry.floatCounter("sextant_c_seconds_total", help: "Third.").add(seconds: 1.25)
        #expect(
            registry.text == """
                # HELP sextant_a_total First\\nwith \\\\ and ".
                # TYPE sextant_a_total counter
                sextant_a_total{code="200"} 1
                sextant_a_total{code="500"} 2
                # HELP sextant_b Second.
                # TYPE sextant_b gauge
                sextant_b -0.5
                # HELP sextant_c_seconds_total Third.
                # TYPE sextant_c_seconds_total counter
                sextant_c_seconds_total 1.25

                """
        )
    }

    @Test("the same name and labels give the same instrument")
    func getsOrCreates() {
        let registry = Registry()
        registry.counter("sextant_x_total", help: "X.").add(2)
        registry.counter("sextant_x_total", help: "X.").add(3)
        #expect(registry.counter("sextant_x_total", help: "X.").value == 5)
        #expect(registry.metadata() == [MetricMetadata(name: "sextant_x_total", kind: .counter, help: "X.")])
    }

    @Test("a histogram's buckets are cumulative, its bounds belong to them")
    func rendersHistogram() {
        let registry = Registry()
        let histogram = registry.histogram(
            "sextant_h_seconds",
            help: "H.",
            labels: Labels(["z": "1"]),
            buckets: [0.5, 2]
        )
        for value in [0.25, 0.5, 1, 4] { histogram.observe(value) }
        #expect(
            registry.text == """
                # HELP sextant_h_seconds H.
                # TYPE sextant_h_seconds histogram
                sextant_h_seconds_bucket{le="0.5",z="1"} 2
                sextant_h_seconds_bucket{le="2",z="1"} 3
                sextant_h_seconds_bucket{le="+Inf",z="1"} 4
                sextant_h_seconds_sum{z="1"} 5.75
                sextant_h_seconds_count{z="1"} 4

                """
        )
    }

    @Test("collected values are read at the time of rendering; a family without series is not written")
    func rendersCollected() {
        let registry = Registry()
        let source = registry.gauge("sextant_source", help: "S.")
        registry.collect("sextant_collected", help: "C.", kind: .gauge) {
            [(Labels(["n": "2"]), source.value), (Labels(["n": "1"]), 7)]
        }
        registry.collect("sextant_empty", help: "E.", kind: .gauge) { [] }
        source.set(3)
        #expect(registry.text.contains("sextant_collected{n=\"1\"} 7\nsextant_collected{n=\"2\"} 3\n"))
        #expect(!registry.text.contains("sextant_empty"))
    }

    @Test("counting from many tasks loses nothing")
    func countsConcurrently() async {
        let registry = Registry()
        let counter = registry.counter("sextant_n_total", help: "N.")
        let seconds = registry.floatCounter("sextant_s_seconds_total", help: "S.")
        let histogram = registry.histogram("sextant_h_seconds", help: "H.", buckets: [1])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        counter.add()
                        seconds.add(seconds: 0.5)
                        histogram.observe(2)
                    }
                }
            }
        }
        #expect(counter.value == 8000)
        #expect(seconds.value == 4000)
        #expect(histogram.cumulativeCounts == [0, 8000])
        #expect(histogram.sum == 16000)
    }

    @Test("the process metrics and the build are there and plausible")
    func rendersProcess() throws {
        let registry = Registry()
        ProcessMetrics.register(in: registry)
        BuildInfo.register(in: registry)
        var values: [String: Double] = [:]
        for line in registry.text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: " ")
            let value: Double = try #require(ValueText.parse(parts[1]))
            values[String(parts[0])] = value
        }
        #expect(try #require(values["process_resident_memory_bytes"]) > 1e6)
        #expect(
            try #require(values["process_virtual_memory_bytes"])
                >= #require(values["process_resident_memory_bytes"])
        )
        #expect(try #require(values["process_open_fds"]) >= 3)
        #expect(try #require(values["process_max_fds"]) > #require(values["process_open_fds"]))
        #expect(try #require(values["process_start_time_seconds"]) > 1.6e9)
        #expect(values["process_cpu_seconds_total"] != nil)
        #expect(values["sextant_build_info{version=\"\(BuildInfo.version)\"}"] == 1)
    }
}

extension Registry {
    fileprivate var text: String {
        var bytes: [UInt8] = []
        render(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
