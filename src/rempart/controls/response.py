"""Detection and response."""

from rempart.controls.base import Control

CONTROLS = (
    Control(
        id="DR-1",
        title="Logs are kept, protected and on time",
        titre="Des journaux conservés, protégés et à l'heure",
        why="After an attack the first question is since when; without logs it has no answer.",
        anssi=("R71", "R72", "R73"),
        hygiene=(36,),
        questions=(12,),
        enforced_by=("audit", "logs", "time"),
    ),
    Control(
        id="DR-2",
        title="Early warning",
        titre="Alerte précoce",
        why="An afternoon's warning is the difference between one host and all of them.",
        hygiene=(36, 40),
    ),
    Control(
        id="DR-3",
        title="One command isolates a host",
        titre="Une commande isole un poste",
        why="In the first minutes nobody remembers the firewall's syntax.",
        hygiene=(40,),
        questions=(12,),
    ),
    Control(
        id="DR-4",
        title="A run-book for the first hour",
        titre="Un aide-mémoire pour la première heure",
        why="Whom to call, and within which time, must not be looked up on the infected host.",
        hygiene=(40,),
        questions=(12,),
    ),
    Control(
        id="DR-5",
        title="Files are sealed; a change that no package explains is named",
        titre="Des fichiers scellés ; un changement qu'aucun paquet n'explique est signalé",
        why="Who breaks in leaves something that starts again, among files nobody ever looks at.",
        baseline="enhanced",
        anssi=("R76", "R77"),
        hygiene=(36,),
        enforced_by=("integrity",),
    ),
)
