"""Foraging agents and the book's study of them."""
