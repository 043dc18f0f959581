"""The one Sphinx extension of the book: who takes part in a build, and when."""

from __future__ import annotations

from sphinx.application import Sphinx

from book.pages import anchors, derivations, launch, scholar, theme


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all that the pages need, beside what ``_config.yml`` names."""
    app.connect("autodoc-process-docstring", theme.tidy_docstring)
    app.connect("autodoc-process-signature", theme.tidy_signature)

    app.add_node(anchors.Citation, html=(anchors.visit_citation, None))
    app.connect("env-check-consistency", anchors.check_kept)
    app.connect("html-collect-pages", anchors.pages_that_are_gone)
    app.connect("html-page-context", anchors.redirect)

    app.add_node(derivations.Place)
    app.add_directive("derivations", derivations.PlaceDirective)
    app.add_directive("credits", derivations.PlaceDirective)
    app.add_post_transform(derivations.SayMore)
    app.connect("env-check-consistency", derivations.check_entries)

    # after the theme has made the buttons
    app.connect("html-page-context", launch.find_notebooks, priority=900)
    scholar.name_the_book(app)
    app.connect("html-page-context", scholar.add_tags, priority=400)

    app.config.mathjax_path = theme.MATHJAX
    app.config.html_static_path.append(str(theme.mathjax_source()))
    app.config.templates_path = [str(theme.TEMPLATES)]
    theme.silence_thebe(app)
    app.connect("builder-inited", theme.write_one_page_alike)
    # after the extensions that add files to a page
    app.connect("html-page-context", theme.mend_page, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
