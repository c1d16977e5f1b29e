"""Passwords: good ones, renewed, not guessed at, stored well."""

from rempart.controls.base import Control

CONTROLS = (
    Control(
        id="PW-1",
        title="Passwords are long and mixed",
        titre="Des mots de passe longs et variés",
        why="A short password falls to a program that tries them all; a practice's are often a"
        " first name and a year. Root's counts too: it opens the console.",
        anssi=("R31",),
        hygiene=(10,),
        questions=(5,),
        enforced_by=("passwords",),
    ),
    Control(
        id="PW-2",
        title="Passwords are renewed, and nobody is shut out by it",
        titre="Des mots de passe renouvelés, sans bloquer personne",
        why="A password that leaked unnoticed must end some day. Who comes with a key has no use"
        " for a date that would lock him out, so keys go on working when a password has run out.",
        anssi=("R31",),
        hygiene=(10,),
        questions=(5,),
        enforced_by=("passwords",),
    ),
    Control(
        id="PW-3",
        title="No password lies about in files or browsers",
        titre="Aucun mot de passe dans des fichiers ou des navigateurs",
        why="Whoever sits down at an unlocked desk, and any program that runs there, reads what a"
        " browser has kept.",
        hygiene=(11,),
        questions=(5,),
        enforced_by=("browsers",),
    ),
    Control(
        id="PW-4",
        title="Guessing locks an account for a while",
        titre="Les essais répétés bloquent le compte un moment",
        why="Without a limit a weak password is only a matter of hours. Root stays usable at the"
        " console, so that nobody can lock the last way in from outside.",
        anssi=("R31",),
        hygiene=(10,),
        questions=(5,),
        enforced_by=("passwords",),
    ),
    Control(
        id="PW-5",
        title="Old passwords do not come back and are stored as slow hashes",
        titre="Pas de retour d'anciens mots de passe, et un stockage résistant",
        why="A renewed password that is the old one is none. A stolen shadow file must cost years"
        " to read, which fast hashes do not.",
        anssi=("R31", "R68"),
        hygiene=(11,),
        questions=(5,),
        enforced_by=("passwords",),
    ),
)
