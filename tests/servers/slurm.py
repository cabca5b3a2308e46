"""A Slurm cluster of one machine: real daemons, two counted GPUs, no accounting database."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from waiting import PATIENCE, until

from servers import free_port

_PROGRAMS = {
    "/usr/sbin/munged": "munge",
    "/usr/sbin/slurmctld": "slurmctld",
    "/usr/sbin/slurmd": "slurmd",
    "sbatch": "slurm-client",
}
_CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/node.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=20000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE DefMemPerCPU=500 State=UP
PartitionName=other Nodes={host} MaxTime=INFINITE DefMemPerCPU=500 State=UP
"""


def missing() -> str | None:
    """Return what has to be installed before Slurm runs here, or None."""
    absent = [package for program, package in _PROGRAMS.items() if not shutil.which(program)]
    if absent:
        return f"not installed: {', '.join(absent)} (Debian's names)"
    return "its daemons need root" if os.getuid() else None


class Slurm:
    """The running cluster; `environment` is what its commands need."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}

    def run(self, *command: str) -> str:
        """Run a command of Slurm; return what it printed."""
        env = os.environ | self.environment
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE)
        return done.stdout

    def jobs(self) -> dict[int, dict[str, str]]:
        """Return every job that the controller remembers, by id, with all its fields."""
        found = {}
        for line in self.run("scontrol", "--oneliner", "show", "jobs").splitlines():
            fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
            if "JobId" in fields:
                found[int(fields["JobId"])] = fields
        return found

    def start(self, daemon: str) -> None:
        """Start slurmctld or slurmd."""
        env = os.environ | self.environment
        subprocess.run([f"/usr/sbin/{daemon}"], env=env, check=True, capture_output=True)

    def stop(self, name: str) -> None:
        """End the daemon whose process id is in a file of this name, and wait for it."""
        with contextlib.suppress(OSError, ValueError):
            process = int((self.folder / name).read_text())
            os.kill(process, signal.SIGTERM)
            until(lambda: not _runs(process))

    def wait_until_idle(self) -> None:
        """Wait until the node takes jobs."""
        state = ["sinfo", "--noheader", "--format=%T", "--partition=main"]
        until(
            lambda: self.run(*state).strip() == "idle",
            said=lambda: (self.folder / "controller.log").read_text()[-2000:],
        )


def _runs(process: int) -> bool:
    """Tell whether a process has not ended; who ought to ask how it ended may never do so."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@contextlib.contextmanager
def cluster() -> Iterator[Slurm]:
    """Start a cluster in a folder of its own; end it and remove the folder."""
    folder = Path(tempfile.mkdtemp(prefix="slurm", dir="/tmp"))
    folder.chmod(0o755)
    slurm = Slurm(folder)
    _configure(folder)
    _start_munge(folder)
    try:
        slurm.start("slurmctld")
        slurm.start("slurmd")
        slurm.wait_until_idle()
        yield slurm
    finally:
        slurm.run("scancel", "--user=root")
        for name in ("node.pid", "controller.pid", "munge/pid"):
            slurm.stop(name)
        shutil.rmtree(folder, ignore_errors=True)


def _configure(folder: Path) -> None:
    """Write the configuration, and two devices that are counted as GPUs."""
    host = socket.gethostname().split(".")[0]
    ports = {"controller_port": free_port(), "node_port": free_port()}
    text = _CONFIGURATION.format(host=host, folder=folder, **ports)
    (folder / "slurm.conf").write_text(text)
    (folder / "gres.conf").write_text(f"NodeName={host} Name=gpu File={folder}/gpu[0-1]\n")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    for name in ("gpu0", "gpu1"):
        os.mknod(folder / name, 0o600 | 0o020000, os.makedev(1, 3))  # like /dev/null


def _start_munge(folder: Path) -> None:
    """Start the authentication that Slurm needs, with a key and a socket of its own."""
    place = folder / "munge"
    place.mkdir(mode=0o711)
    (place / "key").write_bytes(os.urandom(128))
    (place / "key").chmod(0o400)
    for path in (place, place / "key"):
        shutil.chown(path, "munge", "munge")
    names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log"}
    options = [f"--{option}={place / name}" for option, name in names.items()]
    command = ["/usr/sbin/munged", "--force", *options, f"--seed-file={place}/seed"]
    subprocess.run(["runuser", "-u", "munge", "--", *command], check=True, capture_output=True)
