"""What other tools keep, read as pure values: their notes and links, found, named and filed."""
