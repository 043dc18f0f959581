"""What turns the chapters in ``book/`` into a website; nothing here knows any maths.

``execute`` runs one chapter, ``build`` makes the pages from the executed chapters, and
``sphinx_ext`` keeps those pages self-contained. The Makefile says which of them runs when.
"""
