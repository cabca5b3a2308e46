"""The science that experiments share: data access, data engineering, models and visualization."""
