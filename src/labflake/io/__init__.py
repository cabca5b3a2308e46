"""Load and save by name: what people's programs import."""
