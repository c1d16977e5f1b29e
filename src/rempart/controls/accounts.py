"""Accounts and sessions: who may come in, as what, and until when."""

from rempart.controls.base import Control

CONTROLS = (
    Control(
        id="AC-1",
        title="One account for one named person",
        titre="Un compte par personne nommée",
        why="With a shared login nobody knows who read a patient's file, and nobody's access ends"
        " when one of them leaves. An account that nobody knows may be an intruder's.",
        anssi=("R30", "R34"),
        hygiene=(8,),
        questions=(8,),
        enforced_by=("accounts", "jobs"),
    ),
    Control(
        id="AC-2",
        title="Daily work without administration rights; sudo by group and logged",
        titre="Le travail quotidien sans droits d'administration ; sudo par groupe et journalisé",
        why="What a person may do, a program that she opened by mistake may do too.",
        anssi=("R33", "R38", "R39", "R41"),
        hygiene=(8, 29),
        questions=(8,),
        enforced_by=("accounts", "sudo"),
    ),
    Control(
        id="AC-3",
        title="Joiners get what they need, where they need it",
        titre="Les arrivants ont ce qu'il leur faut, là où il le faut",
        why="Whoever waits for an account borrows a colleague's.",
        hygiene=(6, 9),
        questions=(8,),
        enforced_by=("accounts", "rempart people"),
    ),
    Control(
        id="AC-4",
        title="Leavers have nothing left, from the day they leave",
        titre="Les partants n'ont plus rien, dès le jour du départ",
        why="A forgotten account is the intruder's favourite. The date is on the host beforehand,"
        " so that a laptop that is switched off that day locks it out by itself.",
        anssi=("R30",),
        hygiene=(6,),
        enforced_by=("accounts", "rempart people"),
    ),
    Control(
        id="AC-5",
        title="SSH keys are the policy's alone, and root writes them",
        titre="Les clés SSH sont celles de la politique, écrites par root seul",
        why="A key that somebody added to her own home outlives every departure.",
        anssi=("R67",),
        hygiene=(6, 13),
        enforced_by=("accounts",),
    ),
    Control(
        id="AC-6",
        title="Who can get into what is reviewed",
        titre="Qui accède à quoi est passé en revue",
        why="Rights pile up; only a table that somebody reads takes them away again.",
        hygiene=(5, 9),
        questions=(1,),
        enforced_by=("rempart people",),
    ),
    Control(
        id="SE-1",
        title="What nobody sits at locks itself",
        titre="Un poste sans personne se verrouille seul",
        why="A waiting room is one door away from the reception desk.",
        anssi=("R32",),
        hygiene=(14,),
        enforced_by=("desktop", "session"),
    ),
)
