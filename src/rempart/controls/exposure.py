"""Exposure: what is seen from outside."""

from rempart.controls.base import Control

CONTROLS = (
    Control(
        id="EX-1",
        title="What answers from outside is what the policy opens",
        titre="Ce qui répond de l'extérieur est ce que la politique ouvre",
        why="A router forwards what somebody clicked years ago.",
        hygiene=(23, 38),
        questions=(6,),
    ),
    Control(
        id="EX-2",
        title="No imaging archive talks to strangers",
        titre="Aucune archive d'imagerie ne parle aux inconnus",
        why="Thousands of them do, with names and pictures.",
        hygiene=(23,),
    ),
    Control(
        id="EX-3",
        title="No open shares, remote desktops or databases",
        titre="Ni partages, ni bureaux à distance, ni bases ouverts",
        why="These are found by robots within hours.",
        hygiene=(23,),
        questions=(6,),
    ),
)
