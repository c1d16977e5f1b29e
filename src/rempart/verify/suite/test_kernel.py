"""PR-4: the kernel's settings now and at the next boot, modules that are refused, no core dumps."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rempart.policy import Host, Policy
from rempart.verify import interfaces, neighbours, reading
from rempart.verify.machine import AnswerError, Machine
from rempart.verify.proof import Proof

# ANSSI-BP-028 v2: R12, of every baseline.
MINIMAL = """
net.ipv4.conf.{all,default}.accept_redirects 0
net.ipv4.conf.{all,default}.accept_source_route 0
net.ipv4.conf.{all,default}.rp_filter 1
net.ipv4.conf.{all,default}.send_redirects 0
net.ipv4.icmp_echo_ignore_broadcasts 1
net.ipv4.tcp_syncookies 1
net.ipv6.conf.{all,default}.accept_redirects 0
net.ipv6.conf.{all,default}.accept_source_route 0
"""

# R9, R11, R12, R14. Several values: the guide's first, stricter ones after it.
INTERMEDIARY = """
fs.protected_fifos 2
fs.protected_hardlinks 1
fs.protected_regular 2
fs.protected_symlinks 1
fs.suid_dumpable 0
kernel.dmesg_restrict 1
kernel.kptr_restrict 2
kernel.panic_on_oops 1
kernel.perf_cpu_time_max_percent 1
kernel.perf_event_max_sample_rate 1
kernel.perf_event_paranoid 2 3 4
kernel.pid_max 65536
kernel.randomize_va_space 2
kernel.sysrq 0
kernel.unprivileged_bpf_disabled 1 2
kernel.yama.ptrace_scope 1 2 3
net.core.bpf_jit_harden 2
net.ipv4.conf.all.accept_local 0
net.ipv4.conf.all.arp_ignore 2
net.ipv4.conf.all.drop_gratuitous_arp 1
net.ipv4.conf.all.route_localnet 0
net.ipv4.conf.{all,default}.secure_redirects 0
net.ipv4.conf.{all,default}.shared_media 0
net.ipv4.icmp_ignore_bogus_error_responses 1
net.ipv4.ip_local_port_range 32768-65535
net.ipv4.tcp_rfc1337 1
vm.mmap_min_addr 65536
"""

RARE_MODULES = {"cramfs", "dccp", "hfs", "hfsplus", "jffs2", "rds", "sctp", "tipc", "freevxfs"}
ARP_IGNORE = "net.ipv4.conf.all.arp_ignore"
NOT_ASKED = "not asked for at baseline minimal"

_READ = "for f; do [ ! -r $f ] || echo $f $(cat $f | tr '\\t' -); done"


@pytest.fixture(scope="module")
def wanted(machine: Machine, policy: Policy) -> dict[str, list[str]]:
    """Return the values that each setting may have on this host."""
    found = listed(policy)
    # With 2 these neighbours are lost, and the host with them once its gateway asks anew.
    if ARP_IGNORE in found and neighbours.strangers(machine.ask(neighbours.COMMAND)):
        found[ARP_IGNORE] = ["1"]
    return found


@pytest.fixture(scope="module")
def conf(machine: Machine, wanted: dict[str, list[str]]) -> interfaces.Values:
    """Return what each interface has now."""
    answer = machine.ask(interfaces.question(wanted), ok=(0, 2), name="/proc/sys/net")
    return interfaces.values(answer)


def listed(policy: Policy) -> dict[str, list[str]]:
    """Return the values that each setting may have."""
    text = MINIMAL if policy.baseline == "minimal" else MINIMAL + INTERMEDIARY
    found = {}
    for line in text.split("\n"):
        name, *values = line.split() or [""]
        for which in ("all", "default") if "{" in name else ("",):
            found[name.replace("{all,default}", which)] = values
    del found[""]
    return found


def wrong(wanted: dict[str, list[str]], actual: dict[str, str]) -> list[str]:
    """Return what is otherwise; a setting that is not there is none."""
    return [
        f"{name} {actual[name]} (not {values[0]})"
        for name, values in sorted(wanted.items())
        if name in actual and actual[name] not in values
    ]


def running(machine: Machine, names: Iterable[str]) -> dict[str, str]:
    """Return the kernel's own values of settings, as far as it has them."""
    paths = " ".join(f"/proc/sys/{name.replace('.', '/')}" for name in names)
    lines = machine.ask(f"set -- {paths}; {_READ}", name="/proc/sys").splitlines()
    pairs = (line.split() for line in lines)
    found = {
        pair[0].removeprefix("/proc/sys/").replace("/", "."): pair[1]
        for pair in pairs
        if len(pair) == 2
    }
    if not found:
        raise AnswerError("/proc/sys: no setting could be read")
    return found


@pytest.mark.control("PR-4")
def test_network_settings_run(machine: Machine, wanted: dict[str, list[str]], proof: Proof) -> None:
    """The kernel refuses forged routes, redirects and neighbours."""
    settings = {name: values for name, values in wanted.items() if name[:4] == "net."}
    found = wrong(settings, running(machine, settings))
    proof.none(found, "the settings of ANSSI-BP-028 R12", "/proc/sys/net")


@pytest.mark.control("PR-4")
def test_every_interface_keeps_to_the_network_settings(
    wanted: dict[str, list[str]], machine: Machine, conf: interfaces.Values, proof: Proof
) -> None:
    """What the kernel makes of ``all`` and of each interface's own value, with others' left out."""
    others = interfaces.owned(machine.ask(interfaces.LINKS))
    found = interfaces.wrong(wanted, conf, others)
    proof.none(found, "the settings of ANSSI-BP-028 R12 on each interface", "/proc/sys/net")


@pytest.mark.control("PR-4")
def test_kernel_settings_run(
    machine: Machine, wanted: dict[str, list[str]], subject: Host, proof: Proof
) -> None:
    """The kernel tells and lends itself to nobody but root."""
    settings = {name: values for name, values in wanted.items() if name[:4] != "net."}
    if not settings:
        proof.does_not_apply(f"kernel settings: {NOT_ASKED}", "policy")
    elif subject.traits and subject.traits.is_container:
        proof.does_not_apply("kernel settings: a container has its machine's kernel", "policy")
    else:
        found = wrong(settings, running(machine, settings))
        proof.none(found, "the settings of ANSSI-BP-028 R9, R11 and R14", "/proc/sys")


@pytest.mark.control("PR-4")
def test_boots_bring_the_same_settings(
    machine: Machine, wanted: dict[str, list[str]], conf: interfaces.Values, proof: Proof
) -> None:
    """No later file undoes a setting at the next boot, sysctl.d(5): the last value counts."""
    binary = "/usr/lib/systemd/systemd-sysctl"
    text = machine.ask(f"{binary} --cat-config || /lib{binary[8:]} --cat-config")
    configured = reading.sysctl_settings(text)
    missing = [f"{name} not set" for name in wanted if name not in configured]
    others = interfaces.owned(machine.ask(interfaces.LINKS))
    found = [
        *(missing + wrong(wanted, configured)),
        *interfaces.wrong_at_boot(wanted, text, conf, others),
    ]
    proof.none(found, "every setting, for every boot", "systemd-sysctl --cat-config")


@pytest.mark.control("PR-4")
def test_rare_modules_are_refused(machine: Machine, policy: Policy, proof: Proof) -> None:
    """Filesystems and protocols that no practice uses cannot be loaded."""
    if policy.baseline == "minimal":
        proof.does_not_apply(f"modules: {NOT_ASKED}", "policy")
        return
    text = machine.ask("cat /etc/modprobe.d/*.conf /run/modprobe.d/*.conf || :")
    refused = reading.refused_modules(text)
    proof.none(sorted(RARE_MODULES - refused), "no rare module loads", "modprobe.d")
    tried = "! command -v modprobe > /dev/null || modprobe -n -v "
    dry = [each for each in RARE_MODULES if "/bin/" not in machine.ask(tried + each + " || :")]
    if machine.ask("command -v modprobe || :").strip():
        proof.none(sorted(dry), "no rare module loads", "modprobe -n")


# In sessions that begin at systemd: sudo sets a limit of zero itself, and some containers keep it.
_LIMITS = """
for who in root nobody; do
  systemd-run -q --wait --pipe -p User=$who -p PAMName=runuser sh -c 'ulimit -Hc'
done
"""


@pytest.mark.control("PR-4")
def test_nothing_dumps_core(machine: Machine, policy: Policy, proof: Proof) -> None:
    """What crashes leaves no memory behind: no session may raise its limit above zero."""
    if policy.baseline == "minimal":
        proof.does_not_apply(f"core dumps: {NOT_ASKED}", "policy")
        return
    said = ", ".join(machine.ask(_LIMITS, name="ulimit -Hc").split())
    proof.that(said == "0, 0", "0, 0", said or "nothing", "ulimit -Hc, root and nobody")
