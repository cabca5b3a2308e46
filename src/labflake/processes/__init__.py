"""What a build starts: its environment, its end, and its lock."""
