"""SFTP exchange with correspondents."""

from rempart.controls.base import Control

CONTROLS = (
    Control(
        id="SF-1",
        title="Correspondents get a folder each and nothing else",
        titre="À chaque correspondant son dossier, et rien d'autre",
        why="A laboratory's stolen key must not open the practice.",
        anssi=("R79",),
        hygiene=(25,),
    ),
    Control(
        id="SF-2",
        title="FTP and telnet are not there",
        titre="Ni FTP ni telnet",
        why="Both send passwords and records for everybody on the way to read.",
        anssi=("R58", "R62"),
        hygiene=(21,),
        enforced_by=("services",),
    ),
    Control(
        id="SF-3",
        title="A correspondent's access ends by itself",
        titre="L'accès d'un correspondant s'éteint seul",
        why="Nobody remembers to close what worked well.",
        hygiene=(6, 25),
    ),
    Control(
        id="SF-4",
        title="Incoming files are scanned first and purged later",
        titre="Les fichiers reçus sont analysés d'abord, purgés ensuite",
        why="What was exchanged is neither trusted nor an archive.",
        questions=(4,),
    ),
    Control(
        id="SF-5",
        title="An urgent exchange has a safe way too",
        titre="Un échange urgent a aussi une voie sûre",
        why="Without one, records go by ordinary mail the day the police asks.",
        hygiene=(18,),
    ),
)
