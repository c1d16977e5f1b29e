"""Independent auditors on a lab host before and after rempart: OpenSCAP, Lynis, ssh-audit."""
