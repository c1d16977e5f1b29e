"""One host: a container that boots a copy-on-write root over a stock image."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import cgroup, disk, machine, network, place, secret
from lab.errors import LabError
from lab.process import run
from lab.requirements import program
from lab.topology import HostSpec

_SUPERVISE = Path(__file__).with_name("supervise.sh")

# What a root login finds; nothing of the caller's environment gets in.
_ENVIRONMENT = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "LOGNAME": "root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "TERM": "xterm",
    "USER": "root",
}


class Host:
    """A host of the lab, on or off. Methods raise LabError when the machine will not do it."""

    def __init__(self, spec: HostSpec) -> None:
        self.spec = spec
        self.name = spec.identity
        self.address = spec.network.address(spec.number)
        self.address6 = spec.network.address6(spec.number)
        self.folder = place.HOSTS / spec.slug
        self._container: subprocess.Popen[bytes] | None = None

    @property
    def admin_password(self) -> str:
        """Return the password of `admin`, who is in group sudo."""
        return secret.passwords(self.spec)["admin"]

    @property
    def root_password(self) -> str:
        """Return root's password."""
        return secret.passwords(self.spec)["root"]

    @property
    def host_key_lines(self) -> list[str]:
        """Return known_hosts lines."""
        return secret.host_key_lines(self.spec)

    @property
    def pid(self) -> int | None:
        """Return the process id of the host's PID 1 on this machine, None when it is off."""
        return cgroup.init(self.spec.slug)

    def boot(self, *, wait: bool = True) -> None:
        """Power on, building what is missing; with `wait`, return when sshd answers with its key.

        A host that is on already is left as it is, its cables plugged in.
        """
        with self._alone():
            self._boot()
        if wait:
            self.wait_until_ready()

    def kill(self) -> None:
        """Cut the power: every process ends at once, what was written stays written."""
        with self._alone():
            self._kill()

    def reboot(self, *, wait: bool = True) -> None:
        """Cut the power and boot again, with the same disk."""
        with self._alone():
            self._kill()
            self._boot()
        if wait:
            self.wait_until_ready()

    def reset(self) -> None:
        """Boot as new: the disk is the stock image again; host keys and passwords are the same."""
        with self._alone():
            self._kill()
            disk.drop(self.folder)
            self._boot()
        self.wait_until_ready()

    def snapshot(self) -> None:
        """Keep the disk as it is now for `roll_back`, and boot again; once in a host's life."""
        with self._alone():
            self._kill()
            disk.snapshot(self.folder)
            self._boot()
        self.wait_until_ready()

    def roll_back(self) -> None:
        """Boot with the disk as it was at the snapshot."""
        with self._alone():
            self._kill()
            disk.roll_back(self.folder)
            self._boot()
        self.wait_until_ready()

    def remove(self) -> None:
        """Power off and remove disk and network; host keys and passwords are kept."""
        with self._alone():
            self._kill()
            disk.drop(self.folder)
            if self.folder.exists():
                # Its name is free from one moment to the next: others look for free ones.
                gone = Path(tempfile.mkdtemp(prefix=".gone-", dir=place.HOSTS))
                self.folder.rename(gone / self.folder.name)
                shutil.rmtree(gone)

    def cut_network(self) -> None:
        """Pull all network cables; `run` still works."""
        network.switch(self.spec, "down")

    def restore_network(self) -> None:
        """Plug the cables in again."""
        network.switch(self.spec, "up")

    def entering(self, argv: list[str]) -> list[str]:
        """Return a command that runs `argv` as root inside; needs no network and no sshd."""
        pid = self.pid
        if pid is None:
            raise LabError(f"lab: {self.name}: is off; boot it: python -m lab up {self.name}")
        enter = [program("nsenter"), f"--target={pid}", "--all", "--root", "--wdns=/root", "--"]
        environment = [f"{key}={value}" for key, value in _ENVIRONMENT.items()]
        return [*enter, "/usr/bin/env", "-i", *environment, *argv]

    def run(
        self,
        command: str,
        *,
        check: bool = True,
        input: str | None = None,
        timeout_s: float | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root inside, whatever state network and sshd are in.

        With `check`, a non-zero exit raises LabError with what the command said.
        """
        completed = subprocess.run(
            self.entering(["/bin/sh", "-c", command]),
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
        if check and completed.returncode != 0:
            raise LabError(
                f"lab: {self.name}: command failed: {command} (got exit {completed.returncode}: "
                f"{completed.stderr.strip() or completed.stdout.strip()}); run it by hand: "
                f"python -m lab exec {self.name} -- sh"
            )
        return completed

    def is_ready(self) -> bool:
        """Tell whether sshd answers with the right key, asked from within the host's network."""
        namespace = f"--net=/run/netns/{self.spec.namespace}"
        scan = ["ssh-keyscan", "-T", "2", "-t", "ed25519", self.address]
        said = run(["nsenter", namespace, "--", *scan], check=False).stdout.split()
        return said[1:3] == self.host_key_lines[0].split()[1:3]

    def wait_until_ready(self, timeout_s: float = 60) -> None:
        """Return when sshd answers; raises LabError when it has not after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise LabError(
                    f"lab: {self.name}: sshd does not answer on {self.address} with its host key "
                    f"(waited {timeout_s:.0f} s); read {self.folder}/console.log or run "
                    f"python -m lab exec {self.name} -- systemctl status ssh"
                )
            time.sleep(0.05)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from changing this host meanwhile, and the lab from being taken down."""
        with machine.lock(shared=True), machine.lock(f"host-{self.spec.slug}"):
            yield

    def _boot(self) -> None:
        if cgroup.is_populated(self.spec.slug):
            network.connect(self.spec)
            return
        self._kill()
        network.connect(self.spec)
        disk.make(self.spec, self.folder)
        self._start()

    def _kill(self) -> None:
        """End all processes, and the network's namespace: no rule or setting outlives the power."""
        cgroup.remove(self.spec.slug)
        network.disconnect(self.spec)
        if self._container:
            self._container.wait()
            self._container = None

    def _start(self) -> None:
        namespace = self.spec.namespace
        command = [
            program("systemd-nspawn"),
            "--boot",
            "--register=no",
            "--keep-unit",
            f"--directory={self.folder}/root",
            f"--machine={namespace}",
            f"--hostname={self.spec.hostname}",
            f"--network-namespace-path=/run/netns/{namespace}",
            "--capability=CAP_NET_ADMIN",
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
            "--console=read-only",
        ]
        switches = {
            "PATH": os.environ["PATH"],
            "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",  # net.* sysctls are the host's own
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",  # the one cgroup.py takes care of
        }
        with (self.folder / "console.log").open("ab") as console:
            self._container = subprocess.Popen(
                [str(_SUPERVISE), str(cgroup.root() / self.spec.slug), namespace, *command],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=switches,
                start_new_session=True,
            )
        # Until it has entered its group, the next one to look would think that the host is off.
        while not cgroup.is_populated(self.spec.slug) and self._container.poll() is None:
            time.sleep(0.005)
