import Glibc
import Model

/// The standard `process_*` metrics of this process, read from `/proc`.
///
/// Source: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics and proc(5).
package enum ProcessMetrics {
    /// Adds the metrics to `registry`.
    package static func register(in registry: Registry) {
        func add(
            _ name: String,
            _ kind: MetricMetadata.Kind,
            _ help: String,
            _ read: @escaping @Sendable () -> Double?
        ) {
            registry.collect(name, help: help, kind: kind) { read().map { [(.empty, $0)] } ?? [] }
        }
        add("process_cpu_seconds_total", .counter, "Total user and system CPU time spent in seconds.") {
            ProcessStatus.read()?.cpuSeconds
        }
        add("process_virtual_memory_bytes", .gauge, "Virtual memory size in bytes.") {
            ProcessStatus.read()?.virtualBytes
        }
        add("process_resident_memory_bytes", .gauge, "Resident memory size in bytes.") {
            ProcessStatus.read()?.residentBytes
        }
        let startSeconds = ProcessStatus.startTimeSeconds()
        add(
            "process_start_time_seconds",
            .gauge,
            "Start time of the process since unix epoch in seconds."
        ) { startSeconds }
        add("process_open_fds", .gauge, "Number of open file descriptors.") {
            // The listing itself holds one open.
            ProcFile.entryCount("/proc/self/fd").map { Double($0 - 1) }
        }
        add("process_max_fds", .gauge, "Maximum number of open file descriptors.") {
            var limit = rlimit()
            guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
                return nil
            }
            return Double(limit.rlim_cur)
        }
    }
}

/// What `/proc/self/stat` says.
private struct ProcessStatus {
    var cpuSeconds: Double
    var virtualBytes: Double
    var residentBytes: Double
    var startTicks: Double

    private static var ticksPerSecond: Double { Double(max(1, sysconf(Int32(_SC_CLK_TCK)))) }

    static func read() -> ProcessStatus? {
        guard let text = ProcFile.read("/proc/self/stat"), let nameEnd = text.lastIndex(of: ")") else {
            return nil
        }
        // The fields behind the program's name, which may hold blanks; the first of them is field 3 of
        // proc(5).
        let fields = text[text.index(after: nameEnd)...].split(separator: " ")
        func field(_ number: Int) -> Double? {
            fields.indices.contains(number - 3) ? Double(fields[number - 3]) : nil
        }
        guard let user = field(14), let system = field(15), let start = field(22), let virtual = field(23),
            let pages = field(24)
        else { return nil }
        return ProcessStatus(
            cpuSeconds: (user + system) / ticksPerSecond,
            virtualBytes: virtual,
            residentBytes: pages * Double(sysconf(Int32(_SC_PAGESIZE))),
            startTicks: start
        )
    }

    /// When the process started, in seconds since the epoch: the boot time plus the start in ticks since
    /// then.
    static func startTimeSeconds() -> Double? {
        guard let status = read(), let text = ProcFile.read("/proc/stat"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let boot = Double(line.dropFirst("btime ".count))
        else { return nil }
        return boot + status.startTicks / ticksPerSecond
    }
}
