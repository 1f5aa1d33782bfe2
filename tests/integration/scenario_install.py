#!/usr/bin/env python3
"""What `cmake --install` puts somewhere works there: the programs, a manual of each with all that --help has, and services whose
configuration may have just what they give."""

import re
import shutil
import subprocess
import unittest

from bench import BIN, Bench

PROGRAMS = ["provider", "informer", "agent", "hub", "minicluster"]
SERVICES = ["provider", "agent", "hub"]
SYSTEMD = shutil.which("systemd-analyze")
MAN = shutil.which("man")


def run(*command, **more):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False, **more)


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(Bench())
        cls.prefix = cls.bench.directory / "usr"
        done = run("cmake", "--install", BIN.parent, "--prefix", cls.prefix)
        assert done.returncode == 0, done.stdout + done.stderr

    def options(self, name):
        done = run(self.prefix / "bin" / name, "--help")
        self.assertEqual(done.returncode, 0, done.stderr)
        return set(re.findall(r"^ +(?:-\w, )?(--[a-z0-9-]+)", done.stdout, re.M))

    def test_programs_run_from_there(self):
        for name in PROGRAMS:
            self.assertRegex(run(self.prefix / "bin" / name, "--version").stdout, rf"^{name} \d+\.\d+\.\d+\n$")

    @unittest.skipUnless(MAN, "SKIPPED: there is no man")
    def test_manuals_have_each_option(self):
        for name in PROGRAMS:
            done = run(MAN, "--warnings", "-l", self.prefix / "share" / "man" / "man1" / f"{name}.1", env={"LC_ALL": "C.UTF-8", "MANWIDTH": "100",
                                                                                                        "PATH": "/usr/bin:/bin"})
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertGreater(len(self.options(name)), 8)
            for option in self.options(name):
                self.assertRegex(done.stdout, rf"(?m)^ +(-\w, )?{option}\b", name)
            self.assertRegex(done.stdout, r"(?m)^EXAMPLES?$")

    def unit(self, name):
        return self.prefix / "lib" / "systemd" / "system" / f"transport-informer-{name}.service"

    def test_services_start_what_is_there(self):
        for name in SERVICES:
            (start,) = re.findall(r"^ExecStart=(.*)$", self.unit(name).read_text(encoding="utf-8"), re.M)
            program, *arguments = start.split()
            self.assertEqual(program, str(self.prefix / "bin" / name))
            self.assertLessEqual({argument for argument in arguments if argument.startswith("--")}, self.options(name))

    @unittest.skipUnless(SYSTEMD, "SKIPPED: there is no systemd-analyze")
    def test_systemd_takes_them(self):
        done = run(SYSTEMD, "verify", "--recursive-errors=no", "--man=no", *(self.unit(name) for name in SERVICES))
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
