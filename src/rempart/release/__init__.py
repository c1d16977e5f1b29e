"""Release: rempart leaves a host, which is as it was before, or keeps the hardening."""

from rempart.release.run import Handover, Release
from rempart.release.steps import make_plan, release

__all__ = ["Handover", "Release", "make_plan", "release"]
