"""The set-up against a loopback package index and a small made-up wheel: no outside network."""

import base64
import contextlib
import hashlib
import io
import os
import random
import re
import stat
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import setup  # noqa: E402
import wheels  # noqa: E402

FILENAME = "madeup-1.0-py3-none-any.whl"
NOISE = random.Random(7)
MEMBERS = {
    "madeup/include/a.h": b"#define A 1\n",
    "madeup/include/deep/b.h": b"#define B 2\n",
    "madeup/lib/libneeded.so": NOISE.randbytes(700_000),
    "madeup/lib/libunneeded.so": NOISE.randbytes(3_000_000),
    "madeup/lib/libsecond.so.1": NOISE.randbytes(90_000),
    "madeup/tail.bin": NOISE.randbytes(200_000),
}
PLACED = {
    "include/a.h": "madeup/include/a.h",
    "include/deep/b.h": "madeup/include/deep/b.h",
    "lib/libneeded.so": "madeup/lib/libneeded.so",
    "lib/libsecond.so.1": "madeup/lib/libsecond.so.1",
}


def place(member):
    return {name: at for at, name in PLACED.items()}.get(member)


def build_wheel(members=None):
    """(the wheel's bytes, RECORD's bytes)"""
    files = dict(MEMBERS if members is None else members)
    files["madeup-1.0.dist-info/METADATA"] = b"Metadata-Version: 2.1\nName: madeup\nVersion: 1.0\n"
    files["madeup-1.0.dist-info/WHEEL"] = (b"Wheel-Version: 1.0\nGenerator: test\n"
                                           b"Root-Is-Purelib: true\nTag: py3-none-any\n")
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        lines.append(f"{name},sha256={digest},{len(content)}")
    record = ("\n".join(lines + ["madeup-1.0.dist-info/RECORD,,"]) + "\n").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content,
                             zipfile.ZIP_DEFLATED)
        archive.writestr("madeup-1.0.dist-info/RECORD", record)
    return out.getvalue(), record


WHEEL_BYTES, RECORD_BYTES = build_wheel()
WHEEL = wheels.Wheel("madeup", "1.0", FILENAME, hashlib.sha256(WHEEL_BYTES).hexdigest(),
                     hashlib.sha256(RECORD_BYTES).hexdigest())
BUNDLE = setup.Bundle("madeup-1.0-cpu", ((WHEEL, place),), (("build-version", "1.0+cpu\n"),))


class Index(BaseHTTPRequestHandler):
    """An index page and one file; how it misbehaves is set on the server."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers.get("Range")))
        if server.login and self.headers.get("Authorization") != server.login:
            return self.answer(401, b"who are you?")
        if self.path == "/simple/madeup/":
            digest = hashlib.sha256(server.content).hexdigest()
            page = f'<a href="../../files/{FILENAME}#sha256={digest}">{FILENAME}</a>'
            return self.answer(200, page.encode(), {"Content-Type": "text/html"})
        if self.path != f"/files/{FILENAME}":
            return self.answer(404, b"not here")
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not span or not server.ranges:
            return self.answer(200, server.content)
        start, end = int(span.group(1)), min(int(span.group(2)) + 1, len(server.content))
        body = server.content[start:end]
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(server.content)}"}
        cut = server.cut_after
        if cut is not None and len(body) > cut:
            server.cut_after = None if server.cut_once else cut
            self.send_response(206)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body[:cut])
            self.close_connection = True
            return None
        return self.answer(206, body, headers)

    def answer(self, status, body, headers=None):
        self.server.sent += len(body)
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)


class WithIndex(unittest.TestCase):
    def setUp(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
        self.server.daemon_threads = True
        self.server.content, self.server.ranges, self.server.login = WHEEL_BYTES, True, None
        self.server.cut_after, self.server.cut_once = None, True
        self.server.requests, self.server.sent = [], 0
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = Path(temporary.name)
        clean = {key: value for key, value in os.environ.items()
                 if not key.upper().startswith(("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"))}
        clean |= {"PIP_INDEX_URL": self.url(), "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0",
                  "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1",
                  "NO_PROXY": "127.0.0.1"}
        log = open(self.root / "log", "w")
        self.addCleanup(log.close)
        for patch in (mock.patch.dict(os.environ, clean, clear=True),
                      mock.patch("time.sleep"),
                      mock.patch("sys.stderr", log)):
            patch.start()
            self.addCleanup(patch.stop)

    def url(self, login=""):
        return f"http://{login}127.0.0.1:{self.server.server_port}/simple"

    def ensure(self, **options):
        return setup.ensure(BUNDLE, self.root / "cache", **options)

    def log(self):
        sys.stderr.flush()
        return (self.root / "log").read_text()

    def assert_whole(self, folder, by_pip=False):
        self.assertEqual("asking pip" in self.log(), by_pip, self.log())
        for at, name in PLACED.items():
            self.assertEqual((folder / at).read_bytes(), MEMBERS[name], at)
        self.assertEqual((folder / "build-version").read_text(), "1.0+cpu\n")
        kept = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        self.assertEqual({at for at in kept if not at.startswith(".biplane")},
                         {*PLACED, "build-version"})
        beside = {path.name for path in folder.parent.iterdir()}
        self.assertEqual(beside, {folder.name, f".{folder.name}.lock"}, "left-overs in the cache")


class Fetching(WithIndex):
    def test_only_the_needed_members_travel(self):
        self.assert_whole(self.ensure())
        needed = sum(len(MEMBERS[name]) for name in PLACED.values())
        self.assertLess(self.server.sent, needed + 300_000)
        self.assertLess(self.server.sent, len(WHEEL_BYTES) / 2)

    def test_a_whole_cache_costs_no_request(self):
        self.ensure()
        self.server.requests.clear()
        with mock.patch("setup.hash_file", side_effect=AssertionError("hashed again")):
            self.assert_whole(self.ensure())
        self.assertEqual(self.server.requests, [])

    def test_a_connection_that_breaks_goes_on_where_it_stopped(self):
        self.server.cut_after = 300_000
        self.assert_whole(self.ensure())
        starts = [int(span[6:].split("-")[0]) for _, span in self.server.requests if span]
        self.assertTrue(any(start + 300_000 in starts for start in starts), starts)

    def test_an_interrupted_set_up_is_resumed_by_the_next(self):
        self.server.cut_after, self.server.cut_once = 300_000, True

        def stop(*_):
            raise KeyboardInterrupt

        with mock.patch("time.sleep", stop), self.assertRaises(KeyboardInterrupt):
            self.ensure()
        self.assertFalse((self.root / "cache" / BUNDLE.folder).exists())
        self.server.sent = 0
        self.assert_whole(self.ensure())
        needed = sum(len(MEMBERS[name]) for name in PLACED.values())
        self.assertLess(self.server.sent, needed - 200_000)

    def test_a_spoilt_partial_download_is_thrown_away(self):
        self.server.cut_after = 300_000
        with mock.patch("time.sleep", side_effect=KeyboardInterrupt), \
                self.assertRaises(KeyboardInterrupt):
            self.ensure()
        parts = [path for path in (self.root / "cache" / "downloads").rglob("*-*")
                 if path.is_file() and path.stat().st_size == 300_000]
        self.assertEqual(len(parts), 1)
        parts[0].write_bytes(b"\0" * 300_000)
        self.assert_whole(self.ensure())

    def test_a_server_without_ranges_gives_the_whole_wheel_to_pip(self):
        self.server.ranges = False
        self.assert_whole(self.ensure(), by_pip=True)
        self.assertIn("does not serve byte ranges", self.log())

    def test_find_links_of_pip_is_enough(self):
        (self.root / "wheels").mkdir()
        (self.root / "wheels" / FILENAME).write_bytes(WHEEL_BYTES)
        with mock.patch.dict(os.environ, {"PIP_FIND_LINKS": str(self.root / "wheels"),
                                          "PIP_NO_INDEX": "1"}):
            self.assert_whole(self.ensure())
        self.assertEqual(self.server.requests, [])

    def test_a_login_in_the_index_address_is_used_and_not_shown(self):
        self.server.login = "Basic " + base64.b64encode(b"me:secret").decode()
        with mock.patch.dict(os.environ, {"PIP_INDEX_URL": self.url("me:secret@")}):
            self.assert_whole(self.ensure())
        self.assertNotIn("secret", self.log())


class Refusing(WithIndex):
    def test_another_wheel_under_the_same_name_is_refused(self):
        self.server.content, _ = build_wheel({**MEMBERS, "madeup/include/a.h": b"#define A 666\n"})
        with self.assertRaises(wheels.SetupError):
            self.ensure()
        self.assertFalse((self.root / "cache" / BUNDLE.folder).exists())
        self.assertIn("RECORD's hash is not the pinned one", self.log())

    def test_a_member_that_differs_from_the_record_is_refused(self):
        # A genuine RECORD and a changed member, its zip checksum set right.
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(WHEEL_BYTES)) as old, zipfile.ZipFile(out, "w") as new:
            for info in old.infolist():
                content = old.read(info)
                changed = b"#define A 6\n" if info.filename.endswith("a.h") else content
                new.writestr(info, changed)
        self.server.content = out.getvalue()
        with self.assertRaises(wheels.SetupError):
            self.ensure()
        self.assertFalse((self.root / "cache" / BUNDLE.folder).exists())
        self.assertIn("does not have the hash its RECORD states", self.log())

    def test_no_network_says_what_to_do(self):
        with mock.patch.dict(os.environ, {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}), \
                self.assertRaisesRegex(wheels.SetupError, "pip config list"):
            self.ensure()

    def test_a_full_disk_is_seen_beforehand(self):
        with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=1000)), \
                mock.patch("wheels.pip_download", side_effect=wheels.SetupError("whole wheel")), \
                self.assertRaises(wheels.SetupError):
            self.ensure()


class Repairing(WithIndex):
    def setUp(self):
        super().setUp()
        self.folder = self.ensure()
        self.server.sent = 0

    def test_a_missing_file_is_fetched_alone(self):
        (self.folder / "include/a.h").unlink()
        self.assert_whole(self.ensure())
        self.assertLess(self.server.sent, 300_000)

    def test_a_truncated_file_is_replaced(self):
        with open(self.folder / "lib/libneeded.so", "r+b") as handle:
            handle.truncate(1000)
        self.assert_whole(self.ensure())

    def test_changed_bytes_of_the_same_size_are_seen(self):
        path = self.folder / "lib/libsecond.so.1"
        content = bytearray(path.read_bytes())
        content[5] ^= 1
        path.write_bytes(content)
        self.assert_whole(self.ensure())

    def test_verify_sees_what_size_and_time_hide(self):
        path = self.folder / "lib/libsecond.so.1"
        before, content = path.stat(), bytearray(path.read_bytes())
        content[5] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.assert_whole(self.ensure(rehash=True))

    def test_a_build_that_reads_the_old_file_is_not_disturbed(self):
        path = self.folder / "lib/libneeded.so"
        content = path.read_bytes()
        os.utime(path, ns=(1, 1))
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        path.write_bytes(b"\1" * len(content))
        with open(path, "rb") as reader:
            self.assert_whole(self.ensure())
            self.assertEqual(reader.read(), b"\1" * len(content))

    def test_a_folder_made_by_hand_is_adopted_without_its_files_being_fetched(self):
        for name in ("stamp.json", "madeup.RECORD"):
            (self.folder / ".biplane" / name).unlink()
        inodes = {at: (self.folder / at).stat().st_ino for at in PLACED}
        self.assert_whole(self.ensure())
        self.assertEqual(inodes, {at: (self.folder / at).stat().st_ino for at in PLACED})
        self.assertLess(self.server.sent, 300_000)

    def test_spoilt_books_are_written_anew(self):
        (self.folder / ".biplane" / "stamp.json").write_text("{")
        (self.folder / ".biplane" / "madeup.RECORD").write_bytes(RECORD_BYTES[:-5])
        (self.folder / "build-version").write_text("0.1")
        self.assert_whole(self.ensure())

    def test_two_set_ups_at_once_fetch_once(self):
        setup.shutil.rmtree(self.folder)
        self.server.requests.clear()
        threads = [threading.Thread(target=self.ensure) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assert_whole(self.folder)
        pages = [path for path, _ in self.server.requests if path.startswith("/simple")]
        self.assertEqual(len(pages), 1)


class PipConfiguration(unittest.TestCase):
    def test_variables_win_over_files_and_the_default_fills_in(self):
        listing = ("global.index-url='http://global/simple'\n"
                   ":env:.index-url='http://variable/simple'\n"
                   "global.extra-index-url='http://one\\nhttp://two'\n"
                   ":env:.find-links='/opt/wheels'\nglobal.timeout='7'\n")
        settings = wheels.parse_pip_config(listing, "http://default/simple")
        self.assertEqual(settings.indexes, ("http://variable/simple", "http://one", "http://two"))
        self.assertEqual(settings.find_links, ("/opt/wheels",))
        self.assertEqual(settings.timeout_secs, 7.0)
        self.assertEqual(wheels.parse_pip_config("", "http://default/simple").indexes,
                         ("http://default/simple",))
        self.assertEqual(wheels.parse_pip_config("global.no-index='true'\n", "d").indexes, ())

    def test_no_host_of_an_index_is_written_here(self):
        for name in ("setup.py", "wheels.py"):
            text = (Path(setup.__file__).parent / name).read_text()
            self.assertNotRegex(text, r"pypi\.org|pythonhosted|download\.pytorch")


class Places(unittest.TestCase):
    def test_libtorch_is_the_cpu_part_of_the_wheel(self):
        self.assertEqual(setup.place_cpu("torch/include/c10/core/Device.h"), "include/c10/core/Device.h")
        self.assertEqual(setup.place_cpu("torch/lib/libtorch_cpu.so"), "lib/libtorch_cpu.so")
        for other in ("torch/lib/libtorch.so", "torch/lib/libtorch_cuda.so", "torch/__init__.py"):
            self.assertIsNone(setup.place_cpu(other))
        self.assertEqual(setup.place_beside_cpu("nvidia/cu13/lib/libcudart.so.13"), "lib/libcudart.so.13")

    def test_cuda_keeps_the_layout_that_rpaths_rely_on(self):
        for kept in ("torch/lib/libtorch_cuda.so", "torch/lib/libc10_cuda.so",
                     "nvidia/cudnn/lib/libcudnn_ops.so.9", "nvidia/cu13/lib/libcublasLt.so.13",
                     "nvidia/cu13/lib/libnvrtc-builtins.so.13.0", "nvidia/nccl/lib/libnccl.so.2"):
            self.assertEqual(setup.place_cuda(kept), kept)
        for other in ("torch/lib/libtorch_cpu.so", "torch/lib/libtorch_python.so",
                      "nvidia/cu13/lib/libnvrtc.alt.so.13", "nvidia/cu13/include/cuda.h",
                      "nvidia/cu13/lib/libcudart_static.a"):
            self.assertIsNone(setup.place_cuda(other))


class Resolution(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = Path(temporary.name)

    def pytorch(self, version):
        folder = self.root / f"site-{version}"
        (folder / "torch/lib").mkdir(parents=True)
        (folder / "torch/lib/libtorch_cuda.so").touch()
        (folder / "torch/version.py").write_text(f"__version__ = '{version}'\n")
        return folder

    def test_cuda_is_looked_for_in_the_order_the_program_uses(self):
        right, wrong = self.pytorch("2.11.0+cu130"), self.pytorch("2.13.0+cu130")
        cache = self.root / "cache"
        find = lambda environ=(), places=(): setup.find_cuda(dict(environ), cache, [str(p) for p in places])
        self.assertIsNone(find())
        self.assertIsNone(find(places=[wrong]))
        self.assertEqual(find(places=[wrong, right]), (right / "torch", "PyTorch"))
        folder = setup.link_cuda(right / "torch", cache)
        self.assertTrue((folder / "lib/libtorch_cuda.so").is_file())
        self.assertEqual(find(), (folder, "link to PyTorch"))
        setup.shutil.rmtree(right / "torch")
        self.assertIsNone(find(), "a link whose PyTorch is gone counts for nothing")
        (folder / "build-version").touch()
        self.assertEqual(find(places=[right])[1], "cache")
        own = {"BIPLANE_LIBTORCH_CUDA": str(wrong / "torch" / "lib")}
        self.assertEqual(find(own, [right])[1], "BIPLANE_LIBTORCH_CUDA")
        with self.assertRaisesRegex(wheels.SetupError, "holds no libtorch_cuda.so"):
            find({"BIPLANE_LIBTORCH_CUDA": str(self.root)})

    def test_the_cache_is_where_the_variables_say(self):
        for environ, wanted in (({"HOME": "/h"}, "/h/.cache/biplane"),
                                ({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/x/biplane"),
                                ({"HOME": "/h", "XDG_CACHE_HOME": "/x", "BIPLANE_CACHE": "/b"}, "/b")):
            with mock.patch.dict(os.environ, environ, clear=True):
                self.assertEqual(setup.cache_root(), Path(wanted))
                self.assertEqual(setup.libtorch_path(), Path(wanted) / "libtorch-2.11.0-cpu")
                with mock.patch.dict(os.environ, {"LIBTORCH": "/mine"}):
                    self.assertEqual(setup.libtorch_path(), Path("/mine"))

    def test_a_libtorch_of_ones_own_is_looked_at_and_left_alone(self):
        mine = self.root / "mine"
        (mine / "lib").mkdir(parents=True)
        with mock.patch.dict(os.environ, {"LIBTORCH": str(mine)}), mock.patch("setup.say"), \
                mock.patch("setup.ensure", side_effect=AssertionError("fetched")):
            with self.assertRaisesRegex(wheels.SetupError, "torch.h does not exist"):
                setup.ensure_libtorch()
            header = mine / "include/torch/csrc/api/include/torch/torch.h"
            header.parent.mkdir(parents=True)
            header.touch()
            (mine / "build-version").write_text("2.9.0+cpu\n")
            with self.assertRaisesRegex(wheels.SetupError, "needs 2.11.0"):
                setup.ensure_libtorch()
            (mine / "build-version").write_text("2.11.0+cu130\n")
            self.assertEqual(setup.ensure_libtorch(), mine)

    def test_other_systems_are_told_what_to_do(self):
        glibc = ("glibc", "2.36")
        self.assertIsNone(setup.platform_trouble("linux", "x86_64", glibc))
        for case in (("darwin", "arm64", ("", "")), ("linux", "aarch64", glibc),
                     ("linux", "x86_64", ("", "")), ("linux", "x86_64", ("glibc", "2.27"))):
            self.assertIn("LIBTORCH", setup.platform_trouble(*case))


class Packages(unittest.TestCase):
    """apt-get is never really run here."""

    def ensure(self, build, window, prefix, commands=(), codes=()):
        codes = iter(codes)

        def run(command, **_):
            commands.append(command)
            return mock.Mock(returncode=next(codes))

        with mock.patch("setup.missing_packages", return_value=(build, window)), \
                mock.patch("setup.install_prefix", return_value=prefix), \
                mock.patch("shutil.which", return_value="/usr/bin/dpkg-query"), \
                mock.patch("setup.say") as say, mock.patch("subprocess.run", run):
            setup.ensure_packages()
        return "\n".join(str(call.args[0]) for call in say.call_args_list)

    def test_who_may_not_install_gets_the_command(self):
        command = "sudo apt-get update && sudo apt-get install -y --no-install-recommends libegl1"
        self.assertIn(command, self.ensure([], ["libegl1"], None))
        with self.assertRaisesRegex(wheels.SetupError, r"missing: g\+\+\. Type: sudo apt-get update"):
            self.ensure(["g++"], [], None)

    def test_who_may_installs_and_updates_the_lists_where_needed(self):
        commands = []
        self.ensure([], ["libegl1"], ["sudo", "-n"], commands, [100, 0, 0])
        self.assertEqual([command[4] for command in commands], ["apt-get"] * 3)
        self.assertEqual([command[5] for command in commands], ["install", "update", "install"])

    def test_nothing_missing_runs_nothing(self):
        self.assertEqual(self.ensure([], [], []), "")


class ProgressLines(unittest.TestCase):
    def test_lines_by_tenths_and_a_bar_on_a_terminal(self):
        out = io.StringIO()
        progress = wheels.Progress("torch", 10_000_000, out)
        for _ in range(100):
            progress.add(100_000)
        progress.end()
        self.assertEqual(len(out.getvalue().splitlines()), 11)
        terminal = io.StringIO()
        terminal.isatty = lambda: True
        progress = wheels.Progress("torch", 10_000_000, terminal)
        progress.add(10_000_000)
        progress.end()
        self.assertIn("10/10 MB", terminal.getvalue())
        self.assertIn("\r", terminal.getvalue())


class CommandLine(unittest.TestCase):
    def test_print_libtorch_prints_one_path_alone(self):
        script = Path(setup.__file__)
        environ = {**os.environ, "BIPLANE_CACHE": "/some/where", "LIBTORCH": ""}
        done = subprocess.run([sys.executable, str(script), "--print-libtorch"], env=environ,
                              stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(done.stdout, "/some/where/libtorch-2.11.0-cpu\n")


if __name__ == "__main__":
    unittest.main()
