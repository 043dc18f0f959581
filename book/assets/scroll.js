/* what scrolls in a solution that was just opened is reached by keyboard, as elsewhere */
document.addEventListener("click", ({ target }) => {
  for (const part of target.closest(".admonition")?.querySelectorAll("pre, .output") ?? [])
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
});
/* formulas that scroll are marked, so that they show it */
const markWide = async () => {
  await window.MathJax?.startup?.promise;
  for (const formula of document.querySelectorAll('mjx-container[display="true"]'))
    formula.classList.toggle("wide", formula.scrollWidth > formula.clientWidth + 1);
};
addEventListener("load", markWide);
addEventListener("resize", markWide);
