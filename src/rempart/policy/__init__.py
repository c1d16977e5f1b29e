"""What a practice wants: its YAML file, checked whole, as frozen values.

policy = load(Path("inventories/lab.yaml"))
policy.host_id(policy.hosts[0])     # "lab/accueil-1"
"""

from rempart.policy.host import Host, Traits
from rempart.policy.json_schema import schema
from rempart.policy.load import find_mistakes, load
from rempart.policy.mistake import Mistake, PolicyError
from rempart.policy.model import Policy
from rempart.policy.person import AuthorizedKey, Person
from rempart.policy.record import record_traits

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
    "record_traits",
    "schema",
]
