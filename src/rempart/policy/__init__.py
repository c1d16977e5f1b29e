"""What a practice wants: its YAML file, checked whole, as frozen values.

policy = load(Path("inventories/lab.yaml"))
policy.host_id(policy.hosts[0])     # "lab/accueil-1"
"""

from rempart.policy.host import Host, Traits
from rempart.policy.load import find_mistakes, load
from rempart.policy.mistake import Mistake, PolicyError
from rempart.policy.model import Policy
from rempart.policy.person import AuthorizedKey, Person

__all__ = [
    "AuthorizedKey",
    "Host",
    "Mistake",
    "Person",
    "Policy",
    "PolicyError",
    "Traits",
    "find_mistakes",
    "load",
]
