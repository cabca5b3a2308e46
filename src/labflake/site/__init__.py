"""The page of all experiments: what is known of each, how they compare, how it looks."""
