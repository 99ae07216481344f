/* Fills the links that save a figure, from the drawing that stands in the page once. */
for (const link of document.querySelectorAll("a.save")) {
  const drawing = document.querySelector(link.hash);
  link.hidden = !drawing;
  link.addEventListener("click", () => { link.href = drawing.getAttribute("href"); }, { once: true });
}
