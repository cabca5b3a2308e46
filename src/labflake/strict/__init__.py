"""What git should not hold: data, results, what is large, and credentials."""
