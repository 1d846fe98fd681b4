"""Checking documents against the official schemas and rules.

The verdict is the publishers': their schemas run in libxml2, their Schematron compiled to Python, or in Saxon
where the compiler does not understand it. `RulesEngine` is the way in; `known.py` lists the rule sets,
`store.py` keeps their releases.
"""

from gateway.rules.engine import Engine, RulesEngine
from gateway.rules.packs import RulePack, installed_packs

__all__ = ["Engine", "RulePack", "RulesEngine", "installed_packs"]
