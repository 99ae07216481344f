// Marks the section in view in the contents, and unfolds everything at the address ?print=all.
// Without it the contents are a list of links.
addEventListener("DOMContentLoaded", () => {
  if (location.search === "?print=all") document.querySelectorAll("details").forEach(fold => { fold.open = true; });
  const links = new Map([...document.querySelectorAll("#contents a")].map(a => [a.hash.slice(1), a]));
  const places = [...links.keys()].map(id => document.getElementById(id)).filter(Boolean);
  const mark = () => {
    const passed = places.filter(place => place.getBoundingClientRect().top < innerHeight / 3);
    links.forEach(link => link.removeAttribute("aria-current"));
    links.get((passed.at(-1) ?? places[0]).id).setAttribute("aria-current", "true");
  };
  addEventListener("scroll", mark, {passive: true});
  mark();
});
