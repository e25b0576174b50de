"""Recollect: a memory server for AI agents."""
