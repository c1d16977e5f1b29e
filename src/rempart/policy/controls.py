"""The ids of all controls, as plans, proofs, reports and exceptions name them."""

CONTROLS = (
    *("PW-1", "PW-2", "PW-3", "PW-4", "PW-5"),
    *("UP-1", "UP-2", "UP-3", "UP-4"),
    *("AC-1", "AC-2", "AC-3", "AC-4", "AC-5", "AC-6"),
    "SE-1",
    *("BK-1", "BK-2", "BK-3", "BK-4", "BK-5", "BK-6", "BK-7", "BK-8"),
    *("AV-1", "AV-2", "AV-3", "AV-4"),
    *("FW-1", "FW-2", "FW-3", "FW-4", "FW-5"),
    *("SS-1", "SS-2"),
    *("SF-1", "SF-2", "SF-3", "SF-4", "SF-5"),
    *("EX-1", "EX-2", "EX-3"),
    *("DR-1", "DR-2", "DR-3", "DR-4"),
    *("PR-1", "PR-2", "PR-3", "PR-4"),
)
