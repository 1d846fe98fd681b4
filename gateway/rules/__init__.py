"""Checking documents against the official schemas and rules.

The verdict is the publishers': their schemas run in libxml2, their compiled Schematron in Saxon, which lives
in processes of its own. `RulesEngine` is the way in.
"""

from gateway.rules.engine import RulesEngine
from gateway.rules.packs import RulePack, installed_packs

__all__ = ["RulePack", "RulesEngine", "installed_packs"]
