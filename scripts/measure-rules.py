#!/usr/bin/env python3
"""Measures what rules cost: Sextant and Prometheus evaluate the same rules over the same samples, in one run.

Both get the samples by remote write from this script. Printed are, for each, the processor time over the measured
span as a share of one core, missed slots, failed rules, and resident memory.

    scripts/measure-rules.py --sextant .build/release/sextant --prometheus .build/peers/usr/bin/prometheus
"""
import argparse, os, pathlib, shutil, signal, struct, subprocess, sys, tempfile, time, urllib.request


def rules(groups, rules_per_group, interval):
    """The text of a rule file: of ten rules nine record and one alerts."""
    lines = ["groups:"]
    for group in range(groups):
        lines += [f"- name: group{group}", f"  interval: {interval}s", "  rules:"]
        labels = f'labels: {{shard: "{group}"}}'
        for rule in range(rules_per_group):
            selector = f'requests_total{{shard="{group}",route="{rule % 10}"}}'
            if rule % 10 == 9:
                lines.append(f"  - {{alert: Slow{rule}, expr: 'sum(rate({selector}[1m])) > 1e9', for: 1m, {labels}}}")
            elif rule % 3 == 0:
                lines.append(f"  - {{record: 'shard:rate{rule}', expr: 'sum by (shard) (rate({selector}[1m]))', {labels}}}")
            elif rule % 3 == 1:
                lines.append(f"  - {{record: 'shard:max{rule}', expr: 'max by (shard, route) ({selector})', {labels}}}")
            else:
                ratio = f"sum({selector}) / sum(requests_total{{shard=\"{group}\"}})"
                lines.append(f"  - {{record: 'shard:share{rule}', expr: '{ratio}', {labels}}}")
    return "\n".join(lines) + "\n"


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def snappy(body):
    """The block format of snappy with nothing but literals."""
    out = bytearray(varint(len(body)))
    for start in range(0, len(body), 65536):
        part = body[start : start + 65536]
        out += bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part
    return bytes(out)


class Writer:
    """Makes remote write requests of all series."""

    def __init__(self, groups, instances):
        self.series = []
        for group in range(groups):
            for route in range(10):
                for instance in range(instances):
                    labels = {"__name__": "requests_total", "instance": str(instance), "route": str(route), "shard": str(group)}
                    packed = b"".join(
                        field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in sorted(labels.items())
                    )
                    self.series.append((packed, 1 + (group + route + instance) % 7))

    def requests(self, millis, step):
        for start in range(0, len(self.series), 5000):
            body = bytearray()
            for packed, slope in self.series[start : start + 5000]:
                sample = b"\x09" + struct.pack("<d", float(step * slope)) + b"\x10" + varint(millis)
                body += field(1, packed + field(2, sample))
            yield snappy(bytes(body))


def post(url, body):
    request = urllib.request.Request(
        url,
        data=body,
        headers={
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        },
    )
    urllib.request.urlopen(request, timeout=60).read()


def cpu_seconds(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(text[11]) + int(text[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0


def total(url, name):
    """The sum of a metric's series on a page."""
    page = urllib.request.urlopen(url, timeout=60).read().decode()
    values = [line.rsplit(" ", 1)[1] for line in page.splitlines() if line.startswith((name + "{", name + " "))]
    return sum(map(float, values))


def wait_until_ready(url):
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=2).read()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"{url} does not answer")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sextant", required=True)
    parser.add_argument("--prometheus", required=True)
    parser.add_argument("--groups", type=int, default=500)
    parser.add_argument("--rules", type=int, default=20, help="rules of a group")
    parser.add_argument("--instances", type=int, default=4, help="series of a shard and route")
    parser.add_argument("--interval", type=int, default=15, help="seconds between evaluations and between samples")
    parser.add_argument("--warm-up", type=int, default=90, help="seconds before measuring")
    parser.add_argument("--seconds", type=int, default=300, help="seconds of measuring")
    parser.add_argument("--only-print-rules", action="store_true")
    options = parser.parse_args()
    text = rules(options.groups, options.rules, options.interval)
    if options.only_print_rules:
        sys.stdout.write(text)
        return

    folder = pathlib.Path(tempfile.mkdtemp(prefix="measure-rules-"))
    (folder / "rules.yml").write_text(text)
    (folder / "prometheus.yml").write_text("rule_files: [rules.yml]\n")
    ports = {"sextant": 19797, "prometheus": 19090}
    commands = {
        "sextant": [options.sextant, "serve", "--listen", f"127.0.0.1:{ports['sextant']}"]
        + ["--data", str(folder / "sextant"), "--rules", str(folder / "rules.yml"), "--log-level", "warning"],
        "prometheus": [options.prometheus, f"--config.file={folder / 'prometheus.yml'}"]
        + [f"--storage.tsdb.path={folder / 'prometheus'}", f"--web.listen-address=127.0.0.1:{ports['prometheus']}"]
        + ["--web.enable-remote-write-receiver", "--log.level=warn"],
    }
    prefixes = {"sextant": "sextant", "prometheus": "prometheus"}
    processes = {}
    try:
        for name, command in commands.items():
            processes[name] = subprocess.Popen(command, stderr=open(folder / f"{name}.log", "w"))
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        for url in urls.values():
            wait_until_ready(url + "/-/ready")
        writer = Writer(options.groups, options.instances)
        print(f"{options.groups * options.rules} rules in {options.groups} groups, {len(writer.series)} series", flush=True)

        start, step, before = time.time(), 0, None
        end = options.warm_up + options.seconds
        while time.time() - start < end:
            millis = int(time.time() * 1000)
            for body in writer.requests(millis, step):
                for url in urls.values():
                    post(url + "/api/v1/write", body)
            step += 1
            if before is None and time.time() - start >= options.warm_up:
                before = {name: cpu_seconds(process.pid) for name, process in processes.items()}
                measured_from = time.time()
            time.sleep(max(0, start + step * options.interval - time.time()))
        span = time.time() - measured_from
        shares = {}
        for name, process in processes.items():
            used = cpu_seconds(process.pid) - before[name]
            shares[name] = used / span
            page = urls[name] + "/metrics"
            prefix = prefixes[name]
            missed = total(page, f"{prefix}_rule_group_iterations_missed_total")
            slots = total(page, f"{prefix}_rule_group_iterations_total")
            failed = total(page, f"{prefix}_rule_evaluation_failures_total")
            print(
                f"{name:11} {used:7.1f} CPU s in {span:.0f} s = {100 * shares[name]:5.1f} % of a core, "
                f"{missed:.0f} of {slots:.0f} slots missed, {failed:.0f} rules failed, {resident_mib(process.pid):.0f} MiB"
            )
        print(f"sextant / prometheus = {shares['sextant'] / shares['prometheus']:.2f}")
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        for process in processes.values():
            process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
