"""The book's study of foraging agents."""
