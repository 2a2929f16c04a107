#!/usr/bin/env python3
"""Runs the daemon inside the system call filter of its systemd unit, without systemd, and says whether it works there.

  usage: scripts/check-unit.py BINARY        (as root; Debian packages systemd and python3-seccomp)

Read from deploy/systemd/sextant.service: SystemCallFilter, RestrictAddressFamilies, MemoryDenyWriteExecute. A
forbidden call kills the daemon here, while systemd lets it fail with EPERM: what passes here passes there. The daemon
runs as the user nobody, without capabilities and with no_new_privs, and does what it does in a day: it starts, takes
text and refuses rubbish, evaluates the shipped rules, answers queries, reloads, flushes, ends, starts again and reads.
Also asks `systemd-analyze security` for the unit's exposure, which has to be 3.0 or less.
"""
import ctypes
import errno
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import seccomp

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
UNIT = os.path.join(ROOT, "deploy/systemd/sextant.service")
# From linux/prctl.h and sys/mman.h.
NO_NEW_PRIVS, DROP_CAPABILITY = 38, 24
WRITE, EXECUTE = 2, 4


def settings(name):
    with open(UNIT) as unit:
        return [line.split("=", 1)[1].split() for line in unit.read().splitlines() if line.startswith(name + "=")]


def calls(names, known={}):
    """The system calls behind names and @sets, as this machine's systemd knows them."""
    if not known:
        current = None
        for line in subprocess.check_output(["systemd-analyze", "syscall-filter", "--no-pager"], text=True).splitlines():
            word = line.strip()
            if line.startswith("@"):
                current = known.setdefault(word, [])
            elif current is not None and word and not word.startswith("#"):
                current.append(word)
    found = set()
    for name in names:
        found |= calls(known[name]) if name.startswith("@") else {name}
    return found


def allowed_calls():
    allowed = set()
    for words in settings("SystemCallFilter"):
        if words[0].startswith("~"):
            allowed -= calls([words[0][1:]] + words[1:])
        else:
            allowed |= calls(words)
    return allowed


def load_filter():
    """Puts the filter over this process; it holds for what it executes, too."""
    rules = seccomp.SyscallFilter(defaction=seccomp.KILL_PROCESS)
    denies_write_execute = settings("MemoryDenyWriteExecute") == [["yes"]]
    families = [getattr(socket, name) for name in settings("RestrictAddressFamilies")[0]]
    for call in sorted(allowed_calls() | calls(["@default"])):
        if seccomp.resolve_syscall(seccomp.Arch(), call) < 0:
            continue  # of another architecture
        if call == "socket":
            for family in families:
                rules.add_rule(seccomp.ALLOW, call, seccomp.Arg(0, seccomp.EQ, family))
            # The C library tries AF_NETLINK before it resolves a name, and does without; as under systemd this fails.
            for family in set(range(64)) - set(families):
                rules.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), call, seccomp.Arg(0, seccomp.EQ, family))
        elif call == "mmap" and denies_write_execute:
            for bit in (WRITE, EXECUTE):
                rules.add_rule(seccomp.ALLOW, call, seccomp.Arg(2, seccomp.MASKED_EQ, bit, 0))
        elif call in ("mprotect", "pkey_mprotect") and denies_write_execute:
            rules.add_rule(seccomp.ALLOW, call, seccomp.Arg(2, seccomp.MASKED_EQ, EXECUTE, 0))
        else:
            rules.add_rule(seccomp.ALLOW, call)
    rules.load()


def confine():
    nobody = pwd.getpwnam("nobody")
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        libc.prctl(DROP_CAPABILITY, capability, 0, 0, 0)
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    os.umask(0o077)
    if libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")
    load_filter()


class Sandboxed:
    """A daemon inside the filter."""

    def __init__(self, binary, data, log):
        self.port, self.log = free_port(), log
        command = [
            binary, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", data, "--enable-admin-api",
            "--config", f"{ROOT}/deploy/debian/sextant.yaml", "--rules", f"{ROOT}/rules",
            "--retention", f"{ROOT}/retention.yaml",
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", preexec_fn=confine
        )
        deadline = time.monotonic() + 60
        while self.get("/-/ready")[0] != 200:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"check-unit.py: the daemon does not start: {self.ending()}")
            time.sleep(0.1)

    def get(self, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def ending(self):
        code = self.process.poll()
        why = "killed by the filter" if code == -signal.SIGSYS else f"code {code}"
        self.log.flush()
        with open(self.log.name) as text:
            return f"{why}\n{text.read()[-4000:]}"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(60) != 0:
            raise SystemExit(f"check-unit.py: the daemon does not end well: {self.ending()}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def expect(what, found, expected):
    if found not in expected:
        raise SystemExit(f"check-unit.py: {what}: {found} instead of {expected}")
    print(f"  {what}: {found}")


def exercise(binary, folder, log):
    daemon = Sandboxed(binary, folder + "/data", log)
    lines = "".join(f'room{{n="{n}"}} {n}.5\nshop_visits_total{{channel="ads"}} {n}\n' for n in range(200))
    status = lambda path, body=None: daemon.get(path, body)[0]
    expect("import", status("/api/v1/import/prometheus", lines.encode()), (200, 204))
    expect("rubbish", status("/api/v1/write", b"\xff" * 1000), (400, 415))
    for expression in ("sum(room)", 'count({__name__=~"ro+m"})', "quantile_over_time(0.9, room[5m])"):
        expect(expression, status("/api/v1/query?query=" + urllib.parse.quote(expression)), (200,))
    expect("/metrics", status("/metrics"), (200,))
    daemon.process.send_signal(signal.SIGHUP)
    expect("reload", status("/-/reload", b""), (200,))
    expect("flush", status("/api/v1/admin/tsdb/flush", b""), (204,))
    expect("is alive", daemon.process.poll(), (None,))
    daemon.stop()
    daemon = Sandboxed(binary, folder + "/data", log)
    code, answer = daemon.get("/api/v1/query?query=" + urllib.parse.quote("count_over_time(room[1h]) > 0"))
    expect("series after a restart", (code, answer.count(b'"metric"')), ((200, 200),))
    daemon.stop()


def main():
    if len(sys.argv) != 2:
        raise SystemExit("usage: scripts/check-unit.py BINARY")
    binary = os.path.abspath(sys.argv[1])
    subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=30", UNIT],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    print("  exposure: 3.0 or less")
    folder = tempfile.mkdtemp(prefix="sextant-unit-")
    try:
        os.chmod(folder, 0o755)
        os.mkdir(folder + "/data", 0o700)
        shutil.chown(folder + "/data", "nobody")
        with open(folder + "/log", "w") as log:
            exercise(binary, folder, log)
    finally:
        shutil.rmtree(folder)
    print("check-unit.py: the daemon runs inside the unit's filter")


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        raise SystemExit(f"check-unit.py: {errno.errorcode.get(error.errno, '')} {error}")
