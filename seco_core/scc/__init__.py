"""Semantic connectivity correction: which regions carry a wrong class (SeCo, section 3.3)."""
