"""Records, indexes and jobs in SQLite files, one per tenant."""
