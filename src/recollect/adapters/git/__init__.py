"""The mirror of the notes: a git repository, without a git program."""
