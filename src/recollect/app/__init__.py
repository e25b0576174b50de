"""Composition: which adapters a process runs with, and what runs in it."""
