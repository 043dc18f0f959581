// run in the one page with the whole book, before Chromium prints it
async () => {
    await MathJax.startup.promise;
    const chapters = [...document.querySelectorAll("span[id^=document-]")];
    for (const [number, mark] of chapters.entries()) {
        const chapter = mark.nextElementSibling;
        // each chapter is a part of the first page; in the bookmarks they stand side by side
        for (const heading of chapter.querySelectorAll("h2, h3, h4")) {
            const higher = document.createElement(`h${heading.tagName[1] - 1}`);
            higher.append(...heading.childNodes);
            heading.replaceWith(higher);
        }
        // names that are unique on a page need not be so in the book
        for (const part of chapter.querySelectorAll("[id]")) {
            const first = document.getElementById(part.id);
            if (first === part) continue;
            const links = chapter.querySelectorAll(`a[href="#${CSS.escape(part.id)}"]`);
            part.id = `chapter-${number}-${part.id}`;
            for (const link of links) link.setAttribute("href", `#${part.id}`);
        }
    }
    // what lies beside the website does not lie beside the PDF
    for (const link of document.querySelectorAll("a:not([href^='#']):not([href^=http])"))
        link.removeAttribute("href");
    for (const part of document.querySelectorAll("details.sd-dropdown")) part.open = true;
    // what was hidden until now may be set in letters that nothing has asked for yet
    await Promise.all([...document.fonts].map(font => font.load().catch(() => undefined)));
    await document.fonts.ready;
    await Promise.all([...document.images].map(image => image.decode()));
}
