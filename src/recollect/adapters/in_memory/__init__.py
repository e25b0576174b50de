"""Every port kept in dictionaries: for tests and demos, and the readable specification."""
