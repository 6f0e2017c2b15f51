// Nothing here is needed: the key `/` goes to the search, `j` and `k` to the next account and to the one before.
document.addEventListener("keydown", (event) => {
  const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const accounts = [...document.querySelectorAll("tbody .name a")];
  const here = accounts.indexOf(document.activeElement);
  const search = document.getElementById("q");
  const next = { "/": search, j: accounts[here + 1], k: accounts[Math.max(here - 1, 0)] }[event.key];
  if (!next) return;
  event.preventDefault();
  next.focus();
  if (next === search) search.select();
});
