"""The home of the records in a PostgreSQL database, for many processes and many machines."""
