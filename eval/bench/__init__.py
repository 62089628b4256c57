"""Benches, run by hand: how well parts of the product do, and how fast."""
