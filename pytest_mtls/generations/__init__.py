"""Generations of nginx, each as one Debian release packages it, built from signed packages without a registry.

The parts, in the order in which they work: :mod:`.table` says which there are, :mod:`.mirror` where packages come from,
:mod:`.packages` gets and unpacks them, :mod:`.collect` picks what nginx needs, :mod:`.cache` keeps it, :mod:`.build`
ties them together.
"""

from __future__ import annotations

from pytest_mtls.generations.build import provide
from pytest_mtls.generations.cache import Root
from pytest_mtls.generations.table import GENERATIONS, Generation

__all__ = ["GENERATIONS", "Generation", "Root", "provide"]
