// Says how many cards the filters leave. Without it they work and nothing is said.
addEventListener("DOMContentLoaded", () => {
  const cards = [...document.querySelectorAll("section[data-verdict]")];
  const line = document.querySelector("#filters [role=status]");
  const say = () => {
    const shown = cards.filter(card => card.getClientRects().length).length;
    line.textContent = shown === cards.length ? "" : `${shown} of ${cards.length} claims shown.`;
  };
  document.getElementById("filters").addEventListener("change", say);
  addEventListener("hashchange", say);
  say();
});
