"""The default embedder: all-MiniLM-L6-v2 in int8, on this machine's processor."""
