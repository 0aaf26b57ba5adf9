#!/usr/bin/env python3
"""Makes a machine ready to build biplane: Debian packages, Rust, libtorch (CPU, CUDA on wish).

Owns: which files of which wheels make our libtorch, the per-user cache they live in, its checks
and repairs. Refuses to know: how bytes arrive (wheels.py), how biplane is built (Makefile).
Needs Python's standard library and pip. `--help` lists what it does.
"""

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from wheels import SetupError, Wheel, extract, pip_settings, say  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
TORCH_VERSION = "2.11.0"  # what tch 0.24 binds to, exactly
GLIBC_OLDEST = (2, 28)  # the wheel is manylinux_2_28
CPU_FOLDER = f"libtorch-{TORCH_VERSION}-cpu"
CUDA_FOLDER = f"libtorch-{TORCH_VERSION}-cuda"

TORCH = Wheel("torch", TORCH_VERSION, "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
              "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
              "86b11de9e81e378fe38d68644e581b98c138494d67197b94ba12eade2be836e7")
CUDART = Wheel("nvidia-cuda-runtime", "13.0.96",
               "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
               "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
               "34c7a65651597fd8a376b049b69bb26db399a9ea443a7a142ccd34f5a10f79c4")
CUPTI = Wheel("nvidia-cuda-cupti", "13.0.85",
              "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
              "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
              "f8ae8ddce85f8e319abac90e956bf45a572e31f4ff01af2d634f37aa3d78e3eb")
# The wheel's METADATA asks for cuda-toolkit[cublas,cudart,...]==13.0.2 and four cu13 packages;
# these are the versions that cuda-toolkit 13.0.2 pins in turn. Triton and the Python packages
# serve Python alone.
NVIDIA = (
    CUDART,
    CUPTI,
    Wheel("nvidia-cublas", "13.1.0.3", "nvidia_cublas-13.1.0.3-py3-none-manylinux_2_27_x86_64.whl",
          "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171",
          "35a31bf9f5d4fa709c63a127c3b0651f3ccfec462c422cf8bf5d9e964301de59"),
    Wheel("nvidia-cuda-nvrtc", "13.0.88",
          "nvidia_cuda_nvrtc-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
          "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
          "c836d98d0eebc101713a79a8d2802f22dfe8b3f9118403d987470bc0b59c9e0b"),
    Wheel("nvidia-cudnn-cu13", "9.19.0.56",
          "nvidia_cudnn_cu13-9.19.0.56-py3-none-manylinux_2_27_x86_64.whl",
          "d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf",
          "f3d7140798fccda99fb75841ff41c5dd88de4bc6bd5bffb49200c9b7bf791ca8"),
    Wheel("nvidia-cufft", "12.0.0.61",
          "nvidia_cufft-12.0.0.61-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
          "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3",
          "50d86a39c8b16aaedabf82f2e54418ecd00435467f47bdcc12f08b3f00c5dcb4"),
    Wheel("nvidia-cufile", "1.15.1.6",
          "nvidia_cufile-1.15.1.6-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
          "08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44",
          "71e64aad4a5cac9a56b737d732caa43c0ebc36e4e5ac4f63b523f45ab50285d6"),
    Wheel("nvidia-curand", "10.4.0.35",
          "nvidia_curand-10.4.0.35-py3-none-manylinux_2_27_x86_64.whl",
          "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
          "a4340ab778f30ac2b39e95dd8447a6d79925287d312442c102dac6e2105dc025"),
    Wheel("nvidia-cusolver", "12.0.4.66",
          "nvidia_cusolver-12.0.4.66-py3-none-manylinux_2_27_x86_64.whl",
          "0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112",
          "2b13143036698247ffae6687e0645d1b903cef6d6851c04bc3f45536f918cb92"),
    Wheel("nvidia-cusparse", "12.6.3.3",
          "nvidia_cusparse-12.6.3.3-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
          "2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b",
          "1bc905cfcd5b254d22a6866884cd7280da178e2bf7971dcfef65dd6c11c72dfd"),
    Wheel("nvidia-cusparselt-cu13", "0.8.0",
          "nvidia_cusparselt_cu13-0.8.0-py3-none-manylinux2014_x86_64.whl",
          "25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd",
          "43278a3f845551894a9cf1381e29b7c5b845aa1eae0b14bb4f8338c470c042ff"),
    Wheel("nvidia-nccl-cu13", "2.28.9",
          "nvidia_nccl_cu13-2.28.9-py3-none-manylinux_2_18_x86_64.whl",
          "e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42",
          "354815308954b2fd5ffcfe2fc264ed611ee91912cadbab28632d10424988f4bb"),
    Wheel("nvidia-nvjitlink", "13.0.88",
          "nvidia_nvjitlink-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
          "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b",
          "8deabe93d94e96f22180365bcd7c5a39c30c41e97d3cd7f9bb375cd1460eddfa"),
    Wheel("nvidia-nvshmem-cu13", "3.4.5",
          "nvidia_nvshmem_cu13-3.4.5-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
          "290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80",
          "b6aa8392b88088391e5b1ce756ca95d02035d25c26ea070f65794b24cb095fd7"),
    Wheel("nvidia-nvtx", "13.0.85",
          "nvidia_nvtx-13.0.85-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl",
          "4936d1d6780fbe68db454f5e72a42ff64d1fd6397df9f363ae786930fd5c1cd4",
          "2a8c8921f0a28790c1ef3c6f4c7f2ee5972f94a3818b1bbe12d99030afb72a66"),
)

# What the window, the 3D pictures and the file dialogs load at run time, by Debian's names.
RUNTIME_PACKAGES = ("libx11-6 libx11-xcb1 libxcb1 libxcursor1 libxi6 libxkbcommon0 "
                    "libxkbcommon-x11-0 libegl1 libgl1-mesa-dri libvulkan1 mesa-vulkan-drivers "
                    "libwayland-client0 libdbus-1-3").split()


# ---------------------------------------------------------------- what goes where

def place_cpu(member):
    """A torch wheel's member -> its place in the CPU folder, or None."""
    if member.startswith("torch/include/"):
        return member[len("torch/"):]
    if member in ("torch/lib/libtorch_cpu.so", "torch/lib/libc10.so", "torch/lib/libgomp.so.1"):
        return member[len("torch/"):]
    return None


def place_beside_cpu(member):
    """libtorch_cpu.so is from the CUDA build and wants these two; its rpath finds neighbours."""
    if member in ("nvidia/cu13/lib/libcudart.so.13", "nvidia/cu13/lib/libcupti.so.13"):
        return "lib/" + member.rsplit("/", 1)[1]
    return None


def place_cuda(member):
    """The wheels' own layout is kept: the libraries' rpaths ($ORIGIN/../../nvidia/...) rely on it."""
    if re.fullmatch(r"torch/lib/lib(torch_cuda|torch_cuda_linalg|c10_cuda|caffe2_nvrtc|torch_nvshmem)"
                    r"\.so", member):
        return member
    if re.fullmatch(r"nvidia/.*/lib/[^/]*\.so(\.\d+)*", member) and ".alt." not in member:
        return member
    return None


@dataclass(frozen=True)
class Bundle:
    """A cache folder: members of wheels, and small texts of our own."""

    folder: str
    parts: tuple  # of (Wheel, place function)
    texts: tuple = ()  # of (place, content)
    links: tuple = ()  # of (place, target)


CPU = Bundle(CPU_FOLDER,
             ((TORCH, place_cpu), (CUDART, place_beside_cpu), (CUPTI, place_beside_cpu)),
             # The wheel's libtorch.so asks for CUDA; a linker script leads to the CPU part alone.
             (("lib/libtorch.so", "INPUT(-ltorch_cpu)"), ("build-version", f"{TORCH_VERSION}+cpu\n")))
CUDA = Bundle(CUDA_FOLDER, ((TORCH, place_cuda),) + tuple((wheel, place_cuda) for wheel in NVIDIA),
              (("build-version", f"{TORCH_VERSION}+cu130\n"),), (("lib", "torch/lib"),))


# ---------------------------------------------------------------- the cache

def cache_root():
    """${BIPLANE_CACHE:-${XDG_CACHE_HOME:-~/.cache}/biplane}, shared by all checkouts."""
    if os.environ.get("BIPLANE_CACHE"):
        return Path(os.environ["BIPLANE_CACHE"]).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "biplane"


@contextlib.contextmanager
def locked(root, name):
    """One set-up at a time per folder; the lock goes with the process."""
    root.mkdir(parents=True, exist_ok=True)
    with open(root / f".{name}.lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another set-up is at work on {root / name}; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def hash_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


class Folder:
    """A bundle on disk: knows by RECORDs it keeps and a stamp which files are good.

    Sizes are looked at always; a hash is computed where size and time differ from the stamp's.
    """

    def __init__(self, path, bundle):
        self.path, self.bundle = path, bundle
        try:
            stamp = json.loads((path / ".biplane" / "stamp.json").read_text())
            self.stamp = stamp if isinstance(stamp, dict) else {}
        except (OSError, ValueError):
            self.stamp = {}
        self.changed = False

    def record_path(self, wheel):
        return self.path / ".biplane" / f"{wheel.project}.RECORD"

    def expected(self, wheel, place):
        """{place: (sha256, size)}, or None where the RECORD kept here is missing or spoilt."""
        try:
            record = wheel.record(self.record_path(wheel).read_bytes())
        except OSError:
            return None
        if record is None:
            return None
        return {place(name): entry for name, entry in record.items() if place(name)}

    def is_good(self, place, entry, rehash=False):
        digest, size = entry
        try:
            seen = os.lstat(self.path / place)
            if seen.st_size != size:
                return False
            mark = [size, seen.st_mtime_ns]
            if self.stamp.get(place) == mark and not rehash:
                return True
            if hash_file(self.path / place) != digest:
                self.changed |= self.stamp.pop(place, None) is not None
                return False
        except OSError:
            return False
        if self.stamp.get(place) != mark:
            self.stamp[place] = mark
            self.changed = True
        return True

    def bad(self, expected, rehash=False):
        """The places to fetch again."""
        return {at for at, entry in expected.items() if not self.is_good(at, entry, rehash)}

    def bad_texts(self):
        def differs(at, text):
            try:
                return (self.path / at).read_text() != text
            except (OSError, ValueError):
                return True
        # A version file written by hand without its newline is as good.
        texts = [(at, text) for at, text in self.bundle.texts
                 if differs(at, text) and differs(at, text.rstrip("\n"))]
        links = [(at, to) for at, to in self.bundle.links
                 if not (self.path / at).is_symlink() or os.readlink(self.path / at) != to]
        return texts, links

    def is_whole(self, rehash=False):
        whole = self.bad_texts() == ([], [])
        for wheel, place in self.bundle.parts:
            expected = self.expected(wheel, place)
            whole = whole and expected is not None and not self.bad(expected, rehash)
        self.save()
        return whole

    def save(self):
        if self.changed:
            # A cache that may only be read is as good; its hashes are computed every time.
            with contextlib.suppress(PermissionError):
                write_in_one_step(self.path / ".biplane" / "stamp.json",
                                  json.dumps(self.stamp).encode())
            self.changed = False

    def complete(self, downloads, settings):
        """Fetches what is missing or bad; every file appears whole or not at all."""
        for wheel, place in self.bundle.parts:
            expected = self.expected(wheel, place)
            if expected is None or self.bad(expected):
                text = extract(wheel, place, self.path, downloads, settings, self.bad)
                write_in_one_step(self.record_path(wheel), text)
                if self.bad(self.expected(wheel, place)):
                    raise SetupError(f"{self.path} is still wrong after a repair; delete it and run "
                                     "this again")
        texts, links = self.bad_texts()
        for at, text in texts:
            write_in_one_step(self.path / at, text.encode())
        for at, to in links:
            (self.path / at).unlink(missing_ok=True)
            (self.path / at).symlink_to(to)
        self.save()


def write_in_one_step(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)


def ensure(bundle, root, rehash=False, settings=None):
    """Makes a bundle whole and returns its folder. Cheap where it already is."""
    target = root / bundle.folder
    if target.is_dir() and Folder(target, bundle).is_whole(rehash):
        return target
    with locked(root, bundle.folder):
        if target.is_dir() and Folder(target, bundle).is_whole():
            return target
        settings = settings or pip_settings()
        downloads = root / "downloads" / bundle.folder
        if target.exists():
            # In place, file by file: a build that is reading this folder goes on undisturbed.
            say(f"checking and repairing {target}")
            Folder(target, bundle).complete(downloads, settings)
        else:
            say(f"fetching {bundle.folder} into {root}")
            for stale in root.glob(f".{bundle.folder}.tmp-*"):
                shutil.rmtree(stale, ignore_errors=True)
            building = root / f".{bundle.folder}.tmp-{os.getpid()}"
            building.mkdir()
            try:
                Folder(building, bundle).complete(downloads, settings)
                building.rename(target)
            finally:
                shutil.rmtree(building, ignore_errors=True)
        with contextlib.suppress(OSError):
            downloads.rmdir()
            downloads.parent.rmdir()
    say(f"{target} is ready")
    return target


# ---------------------------------------------------------------- libtorch

def libtorch_path():
    """LIBTORCH where the person set it, else the cache's folder. Downloads nothing."""
    own = cache_root() / CPU_FOLDER
    return Path(os.environ["LIBTORCH"]) if os.environ.get("LIBTORCH") else own


def check_foreign_libtorch(path):
    """Looks whether a LIBTORCH of the person's own will do, before a long build finds out."""
    for needed in ("include/torch/csrc/api/include/torch/torch.h", "lib"):
        if not (path / needed).exists():
            raise SetupError(f"LIBTORCH={path}, but {path / needed} does not exist. Set LIBTORCH to "
                             f"a libtorch {TORCH_VERSION} folder, or unset it to have one fetched")
    version = libtorch_version(path)
    if version and version.split("+")[0] != TORCH_VERSION:
        raise SetupError(f"LIBTORCH={path} is version {version}; biplane needs {TORCH_VERSION}. "
                         "Unset LIBTORCH to have it fetched")


def libtorch_version(path):
    """From `build-version` (libtorch) or `version.py` (PyTorch); None where neither tells."""
    with contextlib.suppress(OSError):
        return (path / "build-version").read_text().strip()
    with contextlib.suppress(OSError):
        found = re.search(r"__version__\s*=\s*['\"]([^'\"]+)", (path / "version.py").read_text())
        return found.group(1) if found else None
    return None


def platform_trouble(system=sys.platform, machine=platform.machine(), libc=None):
    """Why the Linux wheel will not do here, or None."""
    if libc is None:
        libc = platform.libc_ver()
    advice = (f"Install PyTorch {TORCH_VERSION} or libtorch {TORCH_VERSION} by its own means, set "
              "LIBTORCH to its folder, and run this again (README, 'Other systems', untried)")
    if system != "linux":
        return f"the set-up fetches libtorch for Linux alone, this is {system}. {advice}"
    if machine not in ("x86_64", "AMD64"):
        return f"the set-up fetches libtorch for x86_64 alone, this is {machine}. {advice}"
    if libc[0] != "glibc":
        return f"libtorch needs glibc, this system has another C library. {advice}"
    version = tuple(int(part) for part in re.findall(r"\d+", libc[1])[:2])
    if version < GLIBC_OLDEST:
        return f"libtorch needs glibc 2.28 or newer, this is {libc[1]}. {advice}"
    return None


def ensure_libtorch(rehash=False):
    path = libtorch_path()
    if path.resolve() != (cache_root() / CPU_FOLDER).resolve():
        check_foreign_libtorch(path)
        say(f"libtorch: {path} (LIBTORCH)")
        return path
    trouble = platform_trouble()
    if trouble:
        raise SetupError(trouble)
    return ensure(CPU, cache_root(), rehash)


# ---------------------------------------------------------------- CUDA

def has_nvidia_driver():
    """The kernel's word for it, the same that the program looks at."""
    return Path("/proc/driver/nvidia/version").exists()


def installed_pytorch(places=None):
    """The `torch` folder of an installed PyTorch of our version with CUDA, or None."""
    for place in sys.path if places is None else places:
        torch = Path(place or ".") / "torch"
        version = libtorch_version(torch) if torch.is_dir() else None
        if (version and version.split("+")[0] == TORCH_VERSION
                and (torch / "lib" / "libtorch_cuda.so").is_file()):
            return torch
    return None


def find_cuda(environ=None, root=None, places=None):
    """Where the CUDA libraries are or could be taken from, or None: (folder, how)."""
    environ = os.environ if environ is None else environ
    root = root or cache_root()
    if environ.get("BIPLANE_LIBTORCH_CUDA"):
        folder = Path(environ["BIPLANE_LIBTORCH_CUDA"])
        if not (folder / "libtorch_cuda.so").is_file():
            raise SetupError(f"BIPLANE_LIBTORCH_CUDA={folder} holds no libtorch_cuda.so. Correct it, "
                             "or unset it to have the libraries fetched")
        return folder, "BIPLANE_LIBTORCH_CUDA"
    folder = root / CUDA_FOLDER
    if (folder / "build-version").is_file():
        return folder, "cache"
    if (folder / "lib" / "libtorch_cuda.so").is_file():
        return folder, "link to PyTorch"
    installed = installed_pytorch(places)
    return (installed, "PyTorch") if installed else None


def link_cuda(torch, root):
    """Leads the program to an installed PyTorch: rpaths go through the link to its nvidia folders."""
    folder = root / CUDA_FOLDER
    with locked(root, CUDA_FOLDER):
        folder.mkdir(exist_ok=True)
        (folder / "lib").unlink(missing_ok=True)
        (folder / "lib").symlink_to((torch / "lib").resolve())
    return folder


def ensure_cuda(rehash=False):
    folder, how = find_cuda() or (None, None)
    if how == "PyTorch":
        folder = link_cuda(folder, cache_root())
    if how and how != "cache":
        say(f"CUDA libraries: {folder / 'lib' if how != 'BIPLANE_LIBTORCH_CUDA' else folder} ({how})")
        return folder
    trouble = platform_trouble()
    if trouble:
        raise SetupError(trouble)
    if not has_nvidia_driver():
        say("no NVIDIA driver is found here; the CUDA libraries will wait for one")
    return ensure(CUDA, cache_root(), rehash)


# ---------------------------------------------------------------- packages and Rust

def missing_packages():
    """(what the build cannot do without, what the window needs), by Debian's names."""
    build = []
    if not (shutil.which("g++") or shutil.which("c++")) and not os.environ.get("CXX"):
        build.append("g++")
    if not importlib.util.find_spec("pip"):
        build.append("python3-pip")
    asked = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n",
                            *RUNTIME_PACKAGES], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                           text=True, check=False).stdout
    here = {line.split()[0] for line in asked.splitlines() if line.endswith(" installed")}
    return build, [name for name in RUNTIME_PACKAGES if name not in here]


def install_prefix():
    """How apt-get may be run without asking anybody, or None."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and not subprocess.run(
            ["sudo", "-n", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        return ["sudo", "-n"]
    return None


def ensure_packages():
    if not shutil.which("dpkg-query"):
        if not (shutil.which("g++") or shutil.which("c++")):
            raise SetupError("no C++ compiler is found; install g++ or clang")
        say("not a Debian system: packages are left to you (README, 'Other systems')")
        return
    build, window = missing_packages()
    if not build + window:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *build, *window]
    by_hand = "sudo apt-get update && sudo " + shlex.join(install)
    prefix = install_prefix()
    if prefix is not None:
        say("installing Debian packages: " + " ".join(build + window))
        prefix = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive"]
        wait = ["-o", "DPkg::Lock::Timeout=120"]  # another apt-get may be at work
        run = lambda command: subprocess.run(command, stdout=sys.stderr, check=False).returncode
        # Fresh images have no package lists, old ones stale lists: then update and try again.
        if run([*prefix, *install, *wait]) and not run([*prefix, "apt-get", "update"]):
            run([*prefix, *install, *wait])
        build, window = missing_packages()
    # pip is needed only while libtorch is not in the cache; pip_settings says so where it is.
    if "g++" in build:
        raise SetupError(f"needed and missing: {' '.join(build)}. Type: {by_hand}")
    if build + window:
        say(f"missing: {' '.join(build + window)}\n  Going on; the window and off-screen pictures "
            f"need the libraries. Type: {by_hand}")


def rustup_home():
    """RUSTUP_HOME, or the account's own where HOME was pointed elsewhere."""
    if os.environ.get("RUSTUP_HOME"):
        return Path(os.environ["RUSTUP_HOME"])
    homes = [Path("~").expanduser()]
    with contextlib.suppress(ImportError, KeyError):
        import pwd
        homes.append(Path(pwd.getpwuid(os.getuid()).pw_dir))
    for home in homes:
        if (home / ".rustup").is_dir():
            return home / ".rustup"
    return homes[0] / ".rustup"


def check_rust():
    wanted = re.search(r'channel\s*=\s*"([^"]+)"', (ROOT / "rust-toolchain.toml").read_text()).group(1)
    if not shutil.which("cargo"):
        raise SetupError(
            "Rust is missing. Type:\n  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | "
            f"sh -s -- -y --profile minimal --default-toolchain {wanted}\n  . \"$HOME/.cargo/env\"")
    asked = subprocess.run(["cargo", "--version"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.PIPE, check=False)
    if asked.returncode:
        reason = (asked.stderr.strip().splitlines() or ["no message"])[0]
        raise SetupError(f"cargo does not start: {reason}\n"
                         f"  Type: rustup toolchain install {wanted} --profile minimal "
                         "--component rustfmt --component clippy")
    found = tuple(int(part) for part in re.findall(r"\d+", asked.stdout)[:2])
    if found < tuple(int(part) for part in wanted.split(".")[:2]):
        raise SetupError(f"this is {asked.stdout.strip()}; biplane needs {wanted}. "
                         "Type: rustup update, or install Rust by rustup")


# ---------------------------------------------------------------- the command

def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--print-libtorch", action="store_true",
                        help="print the libtorch folder the build uses; fetch nothing")
    parser.add_argument("--print-rustup-home", action="store_true",
                        help="print where rustup's toolchains are")
    parser.add_argument("--cuda", action="store_true", help="add the CUDA libraries (2.3 GB)")
    parser.add_argument("--cuda-if-driver", action="store_true",
                        help="add them where an NVIDIA driver is found")
    parser.add_argument("--verify", action="store_true", help="hash every cached file again")
    parser.add_argument("--no-packages", action="store_true", help="leave Debian packages alone")
    chosen = parser.parse_args(arguments)
    if chosen.print_libtorch:
        print(libtorch_path())
        return 0
    if chosen.print_rustup_home:
        print(rustup_home())
        return 0
    try:
        if not chosen.no_packages:
            ensure_packages()
        check_rust()
        ensure_libtorch(chosen.verify)
        if chosen.cuda:
            ensure_cuda(chosen.verify)
        elif chosen.cuda_if_driver and has_nvidia_driver():
            try:
                ensure_cuda(chosen.verify)
            except (SetupError, OSError) as cause:
                say(f"the CUDA libraries could not be set up: {cause}\n  Going on with the CPU.")
    except SetupError as cause:
        say(f"set-up: {cause}")
        return 1
    except OSError as cause:
        say(f"set-up: {cause}. Check the disk and the folder's permissions, then run this again")
        return 1
    except KeyboardInterrupt:
        say("\nset-up: stopped; run it again, downloads go on where they stopped")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
