"""Bugs made by hand, one line each: what a tired engineer could write. The simulation has to notice every one.

Each replaces one function or table of the agent while it lasts. They are made on functions and not on lines of text, so
that they survive a rewording of the code around them.
"""

from tests.prove.mutants import core, numbers, shell
from tests.prove.mutants.base import MUTANTS, Mutant

__all__ = ["MUTANTS", "Mutant", "core", "numbers", "shell"]
