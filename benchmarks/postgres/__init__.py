"""What memories cost in PostgreSQL."""
