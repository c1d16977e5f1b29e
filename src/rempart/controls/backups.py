"""Backups that ransomware cannot take, and that are proven."""

from rempart.controls.base import Control

CONTROLS = (
    Control(
        id="BK-1",
        title="Encrypted backups run by themselves, at least daily",
        titre="Des sauvegardes chiffrées, automatiques, au moins quotidiennes",
        why="A day's work is what a practice can do again; a month's is not.",
        hygiene=(37,),
        questions=(2,),
        enforced_by=("backup",),
    ),
    Control(
        id="BK-2",
        title="Three copies, two kinds, one away, one unplugged",
        titre="Trois copies, deux supports, une ailleurs, une débranchée",
        why="Fire takes the house, ransomware takes the network, a provider's end takes the cloud.",
        hygiene=(37,),
        questions=(2,),
        enforced_by=("backup", "ingest"),
    ),
    Control(
        id="BK-3",
        title="A workstation's root cannot harm older backups",
        titre="Même root sur le poste n'atteint pas les anciennes sauvegardes",
        why="Ransomware looks for the backups first, with all the keys that the host has.",
        hygiene=(37,),
        questions=(2,),
        enforced_by=("ingest",),
    ),
    Control(
        id="BK-4",
        title="Restores are rehearsed and measured",
        titre="Les restaurations sont répétées et mesurées",
        why="A backup that was never read back is a hope.",
        hygiene=(37,),
        questions=(2,),
        enforced_by=("rempart backup drill",),
    ),
    Control(
        id="BK-5",
        title="Missing, stale or forged backups are noticed",
        titre="Une sauvegarde absente, ancienne ou falsifiée se voit",
        why="Backups fail in silence, and are missed on the one day that counts.",
        hygiene=(37,),
        questions=(2,),
        enforced_by=("ingest", "rempart backup status"),
    ),
    Control(
        id="BK-6",
        title="Databases are dumped consistently first",
        titre="Les bases de données sont d'abord exportées proprement",
        why="The files of a running database, copied one by one, restore to rubbish.",
        questions=(2,),
        enforced_by=("backup",),
    ),
    Control(
        id="BK-7",
        title="A recovery kit on paper",
        titre="Un kit de reprise sur papier",
        why="The day the provider is gone, the practice needs the key and the steps in hand.",
        questions=(2, 12),
        enforced_by=("rempart backup kit",),
    ),
    Control(
        id="BK-8",
        title="Where the data lies is stated",
        titre="Le lieu des données est consigné",
        why="Health data may be held by certified hosts only, and a patient may ask.",
        questions=(2, 13),
    ),
)
