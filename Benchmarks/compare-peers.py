#!/usr/bin/env python3
"""Runs Sextant, Prometheus and VictoriaMetrics on the same work, one after the other, and prints a table.

    Benchmarks/compare-peers.py --sextant .build/release/sextant \\
        --prometheus /usr/bin/prometheus --victoriametrics /usr/bin/victoria-metrics

Give the binaries that there are; the work is hosts with 50 series each (counters with a few decimals, gauges,
latency buckets), a sample every 15 seconds, sent by remote write. Figures of queries are the processor time that
the server spent on one, warm, the median of several; caches of answers are switched off except in the rows
"again" and "moved on by a step". Each server has one processor. Linux and Python 3.9 or newer, nothing else.
"""
import argparse, json, os, random, shutil, signal, socket, statistics, struct, subprocess, tempfile, time
import urllib.parse

START = 1_735_689_600  # 2025-01-01: always in the past
STEP = 15
BUCKETS = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"]


# ---------------------------------------------------------------- the work

def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def literal_snappy(data):
    """Snappy's format without any compression."""
    out = bytearray(varint(len(data)))
    for start in range(0, len(data), 1 << 16):
        part = data[start:start + (1 << 16)]
        out += b"\xf4" + struct.pack("<H", len(part) - 1) + part
    return bytes(out)


class Series:
    def __init__(self, name, labels, kind, rate, rng):
        labels = dict(labels, __name__=name)
        pairs = (field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(labels.items()))
        self.labels, self.kind, self.rate, self.rng, self.value = b"".join(pairs), kind, rate, rng, 0.0

    def next(self):
        if self.kind == "counter":
            self.value = round(self.value + self.rng.expovariate(1 / self.rate), 2)
        elif self.kind == "count":
            self.value += self.rng.randrange(int(2 * self.rate) + 1)
        else:
            self.value = round(max(0, (self.value or self.rate) + self.rng.gauss(0, self.rate / 50)), 1)
        return self.value


def make_series(hosts):
    rng = random.Random(1)
    series = []
    for host in range(hosts):
        name = {"host": f"host_{host}", "job": "node"}
        for cpu in range(4):
            for mode in ("idle", "user", "system", "iowait", "steal", "irq"):
                series.append(Series("cpu_seconds_total", dict(name, cpu=str(cpu), mode=mode), "counter", 2, rng))
        for device in ("eth0", "eth1"):
            for metric in ("net_receive_bytes_total", "net_transmit_bytes_total"):
                series.append(Series(metric, dict(name, device=device), "count", 50_000, rng))
        for le in BUCKETS:
            series.append(Series("request_seconds_bucket", dict(name, le=le), "count", 9, rng))
        for metric in range(12):
            series.append(Series(f"gauge_{metric:02d}", name, "gauge", 50, rng))
    return series


def requests(series, steps):
    """Remote write bodies of four scrapes each."""
    for first in range(0, steps, 4):
        body = bytearray()
        times = range(first, min(steps, first + 4))
        for item in series:
            part = bytearray(item.labels)
            for step in times:
                sample = b"\x09" + struct.pack("<d", item.next()) + b"\x10" + varint((START + step * STEP) * 1000)
                part += field(2, sample)
            body += field(1, bytes(part))
        yield literal_snappy(bytes(body)), len(series) * len(times)


def queries(steps):
    end = START + steps * STEP // 60 * 60 - 60
    whole = dict(start=START + 600, end=end, step=60)
    rate = "sum by (host) (rate(cpu_seconds_total{mode!='idle'}[5m]))"
    quantile = "histogram_quantile(0.95, sum by (le) (rate(request_seconds_bucket[5m])))"
    return [
        ("instant, 1 series", "query", dict(query="gauge_00{host='host_1'}", time=end)),
        ("range of 1 series, 60 min", "query_range", dict(query="gauge_00{host='host_1'}", start=end - 3600, end=end, step=15)),
        ("instant of all series", "query", dict(query="{job='node'}", time=end)),
        ("sum by (host) (rate), whole range", "query_range", dict(whole, query=rate)),
        ("histogram_quantile, 60 min", "query_range", dict(query=quantile, start=end - 3600, end=end, step=60)),
        ("max_over_time, whole range in one window", "query",
         dict(query=f"max(max_over_time(gauge_00[{end - START}s]))", time=end)),
        ("names of all series", "series", {"match[]": "{job='node'}", "start": START, "end": end}),
    ]


# ---------------------------------------------------------------- servers

class Server:
    def __init__(self, name, binary, folder, port, processor):
        self.name, self.port = name, port
        data = os.path.join(folder, name)
        os.makedirs(data)
        address = f"127.0.0.1:{port}"
        if name == "sextant":
            self.command = [binary, "serve", "--listen", address, "--data", data, "--enable-admin-api"]
            self.ready, self.flush = "/-/ready", [("POST", "/api/v1/admin/tsdb/flush"), ("POST", "/api/v1/admin/tsdb/compact")]
        elif name == "prometheus":
            config = os.path.join(folder, "prometheus.yml")
            with open(config, "w") as file:
                file.write("global: {scrape_interval: 1h}\n")
            self.command = [binary, f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address={address}",
                            "--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=20y", "--log.level=error"]
            self.ready, self.flush = "/-/ready", []
        else:
            self.command = [binary, f"-storageDataPath={data}", f"-httpListenAddr={address}", "-retentionPeriod=20y",
                            "-loggerLevel=ERROR", "-selfScrapeInterval=0"]
            self.ready, self.flush = "/health", [("GET", "/internal/force_flush"), ("GET", "/internal/force_merge")]
        self.processor = processor
        self.process = None
        self.socket = None

    def start(self):
        environment = dict(os.environ, GOMAXPROCS="1")
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(self.command, stdout=quiet, stderr=quiet, env=environment,
                                        preexec_fn=lambda: os.sched_setaffinity(0, {self.processor}))
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.call("GET", self.ready)[0] == 200:
                    return
            except OSError:
                self.socket = None
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit(f"{self.name} does not start: {' '.join(self.command)}")
            time.sleep(0.05)

    def stop(self):
        if self.socket:
            self.socket.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def seconds(self):
        """The processor time of the process: its clock, as clock_getcpuclockid(3) makes it."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def call(self, method, path, body=b"", headers=""):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), 120)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        data = bytearray()
        while b"\r\n\r\n" not in data:
            data += self.receive()
        head, _, rest = bytes(data).partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        status = int(head.split()[1])
        rest = bytearray(rest)
        if fields.get(b"transfer-encoding") == b"chunked":
            while not rest.endswith(b"\r\n0\r\n\r\n") and rest != b"0\r\n\r\n":
                rest += self.receive()
        else:
            length = int(fields.get(b"content-length", b"0"))
            while len(rest) < length:
                rest += self.receive()
        return status, bytes(rest)

    def receive(self):
        part = self.socket.recv(1 << 18)
        if not part:
            raise OSError("the server closed the connection")
        return part

    def disk(self):
        total = 0
        for folder, _, names in os.walk(self.command_data()):
            total += sum(os.path.getsize(os.path.join(folder, name)) for name in names)
        return total

    def command_data(self):
        for index, argument in enumerate(self.command):
            if argument == "--data":
                return self.command[index + 1]
            if argument.startswith(("--storage.tsdb.path=", "-storageDataPath=")):
                return argument.split("=", 1)[1]


def measure(server, path, parameters, seconds):
    """Milliseconds of processor time for one call, the median of five times some."""
    target = f"/api/v1/{path}?" + urllib.parse.urlencode(parameters)
    for _ in range(3):
        status, body = server.call("GET", target)
        if status != 200:
            return float("nan")
    figures = []
    for _ in range(5):
        count, before, deadline = 0, server.seconds(), time.monotonic() + seconds / 5
        while time.monotonic() < deadline or count == 0:
            server.call("GET", target)
            count += 1
        figures.append((server.seconds() - before) / count * 1000)
    return statistics.median(figures)


def measure_moved(server, parameters):
    """The same for a range query whose end is moved on by a step each time."""
    figures = []
    for move in range(-12, 0):
        moved = dict(parameters, start=parameters["start"] + move * 60, end=parameters["end"] + move * 60)
        before = server.seconds()
        server.call("GET", "/api/v1/query_range?" + urllib.parse.urlencode(moved))
        figures.append((server.seconds() - before) * 1000)
    return statistics.median(figures[2:])


def run(server, bodies, steps, seconds):
    rows = {}
    server.start()
    try:
        samples, before = 0, server.seconds()
        headers = ("Content-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\n"
                   "X-Prometheus-Remote-Write-Version: 0.1.0\r\n")
        for body, count in bodies:
            status, answer = server.call("POST", "/api/v1/write", body, headers)
            if status >= 300:
                raise SystemExit(f"{server.name} refuses a write: {status} {answer[:200]}")
            samples += count
        time.sleep(3)
        rows["ingest, CPU s per million samples"] = (server.seconds() - before) / samples * 1e6
        for method, path in server.flush:
            server.call(method, path)
        time.sleep(3)
        rows["disk, bytes per sample"] = server.disk() / samples
        for title, path, parameters in queries(steps):
            rows[f"{title}, ms"] = measure(server, path, dict(parameters, nocache="1"), seconds)
        title, path, parameters = queries(steps)[3]
        rows[f"{title}, again, ms"] = measure(server, path, parameters, seconds)
        rows[f"{title}, moved on by a step, ms"] = measure_moved(server, parameters)
    finally:
        server.stop()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("sextant", "prometheus", "victoriametrics"):
        parser.add_argument(f"--{name}", metavar="BINARY")
    parser.add_argument("--hosts", type=int, default=20, help="hosts of 50 series each")
    parser.add_argument("--hours", type=float, default=6, help="hours of samples")
    parser.add_argument("--seconds", type=float, default=2, help="time for each query")
    parser.add_argument("--port", type=int, default=21800)
    parser.add_argument("--folder", help="where data go; a temporary folder unless given")
    options = parser.parse_args()
    binaries = [(name, getattr(options, name)) for name in ("sextant", "prometheus", "victoriametrics")]
    binaries = [(name, os.path.abspath(binary)) for name, binary in binaries if binary]
    if not binaries:
        parser.error("give at least one binary")
    processors = sorted(os.sched_getaffinity(0))
    steps = int(options.hours * 3600 / STEP)
    folder = tempfile.mkdtemp(prefix="compare-peers-", dir=options.folder)
    results = {}
    try:
        for name, binary in binaries:
            os.sched_setaffinity(0, {processors[-1]})
            server = Server(name, binary, folder, options.port, processors[0])
            results[name] = run(server, requests(make_series(options.hosts), steps), steps, options.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    names = list(results)
    print(f"{options.hosts * 50} series, {options.hosts * 50 * steps / 1e6:.1f} million samples; processor time")
    print()
    print("| | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for row in results[names[0]]:
        print(f"| {row} | " + " | ".join(f"{results[name][row]:.2f}" for name in names) + " |")


if __name__ == "__main__":
    main()
