/* Keeps a page as its ledger is. Each event that is recorded is told by the server; the page is then fetched again, and
   its content takes the place of the old one: what was chosen, what has the focus and what was typed stay. */
"use strict";
(function () {
  let fetching = false, again = false;

  function key(element, root) { /* where an element stands: the same place in the new content has the same key */
    const path = [];
    for (let one = element; one && one !== root; one = one.parentElement) {
      if (one.id) return "#" + CSS.escape(one.id) + path.join("");
      path.unshift(">:nth-child(" + (1 + [...one.parentElement.children].indexOf(one)) + ")");
    }
    return ":scope" + path.join("");
  }

  function replace(html) {
    const next = new DOMParser().parseFromString(html, "text/html");
    const main = document.querySelector("main"), fresh = next.querySelector("main");
    const all = (selector) => [...main.querySelectorAll(selector)];
    const focused = main.contains(document.activeElement) ? key(document.activeElement, main) : null;
    const inputs = all("input:not([type=range])").map((input) => [key(input, main), input.value, input.checked]);
    const opened = all("details[open]").map((details) => key(details, main));
    const ranges = location.hash.includes("at=") ? [] : all("figure.picture input[type=range]")
      .filter((range) => range.value !== range.defaultValue).map((range) => [key(range, main), range.value]);
    main.replaceChildren(...fresh.childNodes);
    document.dispatchEvent(new CustomEvent("replaced"));
    const find = (place) => main.querySelector(place);
    inputs.forEach(function ([place, value, checked]) {
      const input = find(place);
      if (!input || (input.value === value && input.checked === checked)) return;
      input.value = value;
      input.checked = checked;
      input.dispatchEvent(new Event("input"));
    });
    opened.forEach(function (place) { if (find(place)) find(place).open = true; });
    ranges.forEach(function ([place, value]) {
      if (!find(place)) return;
      find(place).value = value;
      find(place).dispatchEvent(new Event("input"));
    });
    if (focused && find(focused)) find(focused).focus({preventScroll: true});
    document.body.dataset.position = next.body.dataset.position;
    document.getElementById("position").textContent = next.getElementById("position").textContent;
  }

  async function refresh() {
    again = true;
    if (fetching) return;
    fetching = true;
    while (again) {
      again = false;
      try {
        const answer = await fetch(location.pathname + location.search, {cache: "no-store"});
        if (answer.status < 500) replace(await answer.text());
      } catch {
        break; /* the server is gone: what is shown stays, and the stream tries again */
      }
    }
    fetching = false;
  }

  const source = new EventSource("/events?after=" + document.body.dataset.position);
  ["read", "problem"].forEach((kind) => source.addEventListener(kind, refresh));
  source.addEventListener("error", function () { document.getElementById("position").title = "not connected"; });
  source.addEventListener("open", function () { document.getElementById("position").removeAttribute("title"); });
})();
