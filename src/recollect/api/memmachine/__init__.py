"""MemMachine's REST API, version 2: thin routes over our operations, under `/api/v2`."""
