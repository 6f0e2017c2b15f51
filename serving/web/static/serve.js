// Nothing here is needed: the key `/` goes to the search.
document.addEventListener("keydown", (event) => {
  const search = document.getElementById("q");
  const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  if (event.key === "/" && search && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});
