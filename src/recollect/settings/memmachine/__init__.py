"""MemMachine's `configuration.yml`, read as it stands and translated into our settings.

`reading` makes a tree of the file, `sections` and `providers` say what may be in it, `checking`
makes a `Configuration` of the tree, and `translation` our settings of that.
"""
