"""What files hold: digests, walks, notes of them, and writing without halves."""
