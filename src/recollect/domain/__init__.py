"""Values and pure functions: what a memory is and how memories are selected, cut and ranked."""
