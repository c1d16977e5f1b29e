"""Proof, and what people get to read."""

from rempart.controls.base import Control

CONTROLS = (
    Control(
        id="PR-1",
        title="Every control has evidence, exceptions with reason and last day",
        titre="Chaque mesure a sa preuve, chaque exception sa raison et sa fin",
        why="What cannot be shown to an insurer or an auditor was not done.",
        hygiene=(38,),
        enforced_by=("rempart verify",),
    ),
    Control(
        id="PR-2",
        title="A page that the owner understands",
        titre="Une page que le titulaire comprend",
        why="She decides and answers for it; she must be able to read it.",
    ),
    Control(
        id="PR-3",
        title="A hand-out for staff, from the real policy",
        titre="Une fiche pour l'équipe, tirée de la politique réelle",
        why="Rules that differ from what the machine does are not believed.",
        hygiene=(2,),
        questions=(10,),
    ),
    Control(
        id="PR-4",
        title="ANSSI-BP-028 is covered recommendation by recommendation",
        titre="ANSSI-BP-028 couvert recommandation par recommandation",
        why="`Hardened` means nothing; a list says what is done, what is not, and why.",
        anssi=(
            *("R8", "R9", "R10", "R11", "R12", "R13", "R14", "R28", "R29", "R36", "R37", "R45"),
            *("R50", "R51", "R53", "R54", "R56", "R57"),
        ),
        hygiene=(14, 38),
        enforced_by=("apparmor", "filesystem", "firewall", "kernel"),
    ),
)
