"""Updates: they come by themselves, and their outcome is looked at."""

from rempart.controls.base import Control

CONTROLS = (
    Control(
        id="UP-1",
        title="Security updates install themselves",
        titre="Les mises à jour de sécurité s'installent seules",
        why="Most break-ins use holes that were mended weeks before. Nobody in a practice has the"
        " time to press a button every day; packages stay the distribution's own.",
        anssi=("R59", "R61"),
        hygiene=(34,),
        questions=(3,),
        enforced_by=("updates",),
    ),
    Control(
        id="UP-2",
        title="No security update and no reboot is overdue",
        titre="Aucune mise à jour ni redémarrage en retard",
        why="A timer that is switched on and fails every night looks like one that works. What"
        " counts is that nothing waits.",
        anssi=("R61",),
        hygiene=(34,),
        questions=(3,),
        enforced_by=("updates",),
    ),
    Control(
        id="UP-3",
        title="The end of the system's support is foreseen",
        titre="La fin de support du système est anticipée",
        why="After that day holes stay open for good, and moving a practice takes months.",
        anssi=("R61",),
        hygiene=(35,),
        questions=(3,),
        enforced_by=("rempart verify",),
    ),
    Control(
        id="UP-4",
        title="Browsers and virus signatures are fresh, and their age is shown",
        titre="Navigateurs et signatures antivirales à jour, âge affiché",
        why="Both meet new attacks every day; last month's are an open door.",
        anssi=("R61",),
        hygiene=(34,),
        questions=(3, 4),
        enforced_by=("browsers", "malware"),
    ),
)
