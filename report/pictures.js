/* Fills the links that save a figure and its numbers, from what stands in the page once. */
for (const link of document.querySelectorAll("a.save")) {
  const held = document.querySelector(link.hash);
  const address = () => held.getAttribute("href") ??
    `data:text/csv;charset=utf-8,${encodeURIComponent(held.textContent.trimStart())}`;
  link.hidden = !held;
  link.addEventListener("click", () => { link.href = address(); }, { once: true });
}
