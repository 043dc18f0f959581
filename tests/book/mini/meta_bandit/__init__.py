"""A package as small as it gets."""
