"""Firewall, network and SSH."""

from rempart.controls.base import Control

CONTROLS = (
    Control(
        id="FW-1",
        title="Nothing comes in that the policy does not open",
        titre="Rien n'entre que la politique n'ouvre",
        why="A service that nobody meant to offer cannot be attacked behind a closed port. The"
        " rules are there before the network is.",
        anssi=("R79",),
        hygiene=(17,),
        questions=(6,),
        enforced_by=("firewall",),
    ),
    Control(
        id="FW-2",
        title="Risky services answer named networks only",
        titre="Les services à risque ne répondent qu'à des réseaux nommés",
        why="Remote desktops on the Internet are how ransomware comes to small offices.",
        anssi=("R79",),
        hygiene=(17, 23),
        questions=(6,),
        enforced_by=("firewall",),
    ),
    Control(
        id="FW-3",
        title="Every listening port is known",
        titre="Chaque port à l'écoute est connu",
        why="What nobody knows of, nobody updates; it may also be the intruder's own.",
        anssi=("R62", "R74", "R80"),
        hygiene=(17,),
        questions=(6,),
        enforced_by=("firewall", "services"),
    ),
    Control(
        id="FW-4",
        title="Rules change by a reviewed plan, in one step",
        titre="Les règles changent par un plan relu, en une étape",
        why="A firewall that is changed by hand is, some months later, nobody's.",
        hygiene=(17,),
        questions=(6,),
        enforced_by=("firewall",),
    ),
    Control(
        id="FW-5",
        title="No rule shuts the operator out",
        titre="Aucune règle ne met l'opérateur dehors",
        why="A host that nobody reaches gets no update and no restore.",
        enforced_by=("firewall",),
    ),
    Control(
        id="SS-1",
        title="SSH takes keys alone, no root, and modern algorithms",
        titre="SSH par clés seules, sans root, avec des algorithmes modernes",
        why="Passwords over SSH are guessed at day and night, from all over the world.",
        anssi=("R33", "R34", "R63", "R67", "R79"),
        hygiene=(13, 21),
        enforced_by=("ssh",),
    ),
    Control(
        id="SS-2",
        title="Host keys are pinned and checked",
        titre="Les clés d'hôte sont connues d'avance et vérifiées",
        why="Whoever can pose as the host gets the operator's commands, secrets in them included.",
        anssi=("R67",),
        hygiene=(21,),
        enforced_by=("ssh", "rempart enroll"),
    ),
)
