"""What recollect costs: `python -m benchmarks` measures it and writes a report."""
