"""What makes the website from executed chapters, and what Sphinx does while it does so."""
