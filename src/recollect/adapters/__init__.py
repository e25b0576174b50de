"""What implements the ports: one package per technology."""
