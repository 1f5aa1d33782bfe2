"""A machine that is emulated (QEMU, without rights or hardware of its own), with a Linux and a systemd that are real.

All of its files are in memory: programs of this machine with the libraries they need, and what the scenario adds. Nothing of
this machine is seen, mounted or written from there, and there is no network between the two: a shell on a serial line is all.
"""

import os
import pathlib
import platform
import re
import shutil
import socket
import stat
import subprocess

from bench import BIN

QEMU = shutil.which("qemu-system-x86_64")
SYSTEMD = pathlib.Path("/usr/lib/systemd")
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "transport-informer"

TOOLS = ["bash", "cat", "chmod", "chroot", "cp", "curl", "journalctl", "kill", "mkdir", "mount", "rm", "sed", "sleep", "stat", "stty",
         "switch_root", "systemctl", "systemd-run", "umount"]
UNITS = ["basic.target", "emergency.target", "final.target", "local-fs-pre.target", "local-fs.target", "multi-user.target",
         "network-online.target", "network-pre.target", "network.target", "paths.target", "rescue.target", "shutdown.target",
         "slices.target", "sockets.target", "swap.target", "sysinit.target", "systemd-journald-dev-log.socket",
         "systemd-journald.service", "systemd-journald.socket", "time-set.target", "timers.target", "umount.target"]
DIRECTORIES = ["dev", "etc", "new", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "var/lib"]

# Services have a mount namespace, which cannot be made over the first file system that Linux has.
INIT = """#!/usr/bin/bash
export PATH=/usr/bin:/usr/sbin
mount -t tmpfs -o mode=755,size=100% tmpfs /new
cp -a /bin /dev /etc /lib /lib64 /proc /root /run /sbin /shell /sys /tmp /usr /var /new/
chmod 1777 /new/tmp
exec switch_root /new /usr/lib/systemd/systemd
"""
SHELL = """stty -echo -onlcr
echo @READY
while IFS= read -r command; do
	eval "$command" </dev/null 2>&1
	echo "@END $?"
done
"""
SHELL_UNIT = """[Unit]
DefaultDependencies=no
[Service]
ExecStart=/usr/bin/bash /shell
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
Environment=PATH=/usr/local/bin:/usr/bin:/usr/sbin SYSTEMD_PAGER= SYSTEMD_COLORS=0
"""
COMMAND_LINE = "console=ttyS0 panic=-1 quiet systemd.show_status=1 systemd.unified_cgroup_hierarchy=1"


def kernel():
    """What tests/packages.sh has brought, or this machine's own; None where there is none that may be read."""
    found = [CACHE / "vmlinuz", *sorted(pathlib.Path("/boot").glob("vmlinuz-*"), reverse=True)]
    return next((path for path in found if os.access(path, os.R_OK)), None)


def shared_libraries(program):
    """Paths of what the program is linked with, all the way down."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=60, check=False)
    return set(re.findall(r"(/\S+) \(0x", done.stdout))


def missing():
    """Why there can be no such machine here; None where there can."""
    if platform.machine() != "x86_64":
        return "the emulated machine is an x86-64 one, this is none"
    if not QEMU or not kernel() or not (SYSTEMD / "systemd").exists():
        return "there is no qemu-system-x86_64, kernel or systemd here; tests/packages.sh ci brings all of them"
    if any("libasan" in path or "libtsan" in path for path in shared_libraries(BIN / "hub")):
        return "under a sanitizer programs are too slow for an emulated processor"
    return None


class Archive:
    """A cpio archive in the format that Linux takes as its first file system (newc)."""

    def __init__(self):
        self.parts, self.names = [], set()

    def entry(self, name, mode, data=b"", device=(0, 0)):
        self.names.add(name)
        words = [len(self.names), mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name.encode()) + 1, 0]
        head = b"070701" + b"".join(b"%08x" % word for word in words) + name.encode() + b"\0"
        self.parts += [head, b"\0" * (-len(head) % 4), data, b"\0" * (-len(data) % 4)]

    def directory(self, name):
        for path in [*reversed(pathlib.PurePath(name).parents), pathlib.PurePath(name)]:
            if str(path) not in self.names and str(path) != ".":
                self.entry(str(path), stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        if name not in self.names:
            self.directory(str(pathlib.PurePath(name).parent))
            self.entry(name, stat.S_IFREG | mode, data if isinstance(data, bytes) else data.encode())

    def link(self, name, target):
        self.directory(str(pathlib.PurePath(name).parent))
        self.entry(name, stat.S_IFLNK | 0o777, target.encode())

    def program(self, path, source=None):
        """One of this machine, at the same path, and what it is linked with."""
        for each in {str(path), *shared_libraries(source or path)}:
            where = re.sub(r"^/(bin|sbin|lib|lib64)/", r"/usr/\1/", each).lstrip("/")
            self.file(where, pathlib.Path(source if source and each == str(path) else each).read_bytes(), 0o755)

    def finish(self):
        self.entry("TRAILER!!!", 0)
        return b"".join(self.parts)


def add_system(archive):
    for name in DIRECTORIES:
        archive.directory(name)
    for name in ("bin", "sbin", "lib", "lib64"):
        archive.link(name, f"usr/{name}")
    archive.entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    for name in TOOLS:
        archive.program(shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin"))
    for name in ("systemd", "systemd-executor", "systemd-journald"):
        if (SYSTEMD / name).exists():
            archive.program(SYSTEMD / name)
    for name in UNITS:
        archive.file(f"usr/lib/systemd/system/{name}", (SYSTEMD / "system" / name).read_bytes())
    for name in ("systemd-journald.socket", "systemd-journald-dev-log.socket"):
        archive.link(f"usr/lib/systemd/system/sockets.target.wants/{name}", f"../{name}")
    archive.link("usr/lib/systemd/system/default.target", "multi-user.target")
    archive.file("usr/lib/systemd/system/shell.service", SHELL_UNIT)
    archive.link("usr/lib/systemd/system/multi-user.target.wants/shell.service", "../shell.service")
    archive.file("etc/passwd", "root:x:0:0:root:/root:/usr/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/bin/false\n")
    archive.file("etc/group", "root:x:0:\nnogroup:x:65534:\n")
    archive.file("etc/os-release", "ID=scenario\nNAME=scenario\n")
    archive.file("init", INIT, 0o755)
    archive.file("shell", SHELL)


class Machine:
    """One that runs, until the bench ends it. add(archive) puts files there."""

    def __init__(self, bench, add):
        archive = Archive()
        add_system(archive)
        add(archive)
        initial, line = bench.directory / "initrd", bench.directory / "shell.sock"
        initial.write_bytes(archive.finish())
        self.bench = bench
        self.process = bench.start("machine", QEMU, "-M", "pc", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "1024", "-nodefaults",
                                   "-display", "none", "-no-reboot", "-kernel", kernel(), "-initrd", initial, "-append", COMMAND_LINE,
                                   "-serial", "stdio", "-serial", f"unix:{line},server=on,wait=off")
        bench.wait("the machine has a serial line", lambda: line.exists() or not self.process.running())
        self.line = socket.socket(socket.AF_UNIX)
        self.line.connect(str(line))
        self.told = b""
        self.until(rb"@READY\r?\n", 120)

    def close(self):
        self.line.close()

    def until(self, pattern, seconds):
        """What came before the pattern, and the match."""
        self.line.settimeout(seconds)
        while not (match := re.search(pattern, self.told)):
            try:
                more = self.line.recv(65536)
            except TimeoutError:
                more = b""
            if not more:
                raise AssertionError(f"the machine says no more: {self.told.decode()}\n{self.process.out()[-2000:]}")
            self.told += more
        before, self.told = self.told[:match.start()], self.told[match.end():]
        return before.decode(errors="replace"), match

    def run(self, command, seconds=120):
        """Exit code and output of one line for the shell."""
        self.line.sendall(command.encode() + b"\n")
        text, match = self.until(rb"@END (\d+)\r?\n", seconds)
        return int(match.group(1)), text.replace("\r\n", "\n")

    def text(self, command):
        code, text = self.run(command)
        if code != 0:
            raise AssertionError(f"{command}: exit code {code}: {text}")
        return text

    def wait(self, what, condition, seconds=60):
        return self.bench.wait(what, condition, seconds)
