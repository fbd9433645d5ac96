/* Moves through the moments of charts, pins two of them, and filters rows. Python wrote all texts: here they are only
   put in their places. A page without this shows the same at one moment. The fragment has what was chosen:
   #at=48 (a position), #a=53&b=71 (two pinned ones); all other fragments are anchors. */
"use strict";
(function () {
  const SLOTS = ["clock", "visible", "assigned", "ballooned", "in_use", "high_watermark", "note", "says", "position"];
  const POSITION = 2 + SLOTS.indexOf("position");
  const live = document.querySelector(".live");
  const figures = [];
  const pins = {};
  let spoken = 0;

  function say(words) { /* once somebody rests: not for every step on the way */
    clearTimeout(spoken);
    spoken = setTimeout(function () { if (live) live.textContent = words; }, 400);
  }

  function fragment() {
    return new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  }

  function write(changes) {
    const chosen = fragment();
    Object.entries(changes).forEach(([name, value]) => chosen.set(name, value));
    history.replaceState(null, "", "#" + chosen);
  }

  function nearest(moments, column, wanted) {
    let best = 0;
    moments.forEach(function (moment, index) {
      if (Math.abs(moment[column] - wanted) < Math.abs(moments[best][column] - wanted)) best = index;
    });
    return best;
  }

  function prepare(figure) {
    const moments = JSON.parse(figure.querySelector(".moments").textContent);
    const section = figure.closest("section") || figure;
    const bar = figure.querySelector(".bar");
    const range = bar.querySelector("input");
    let chosen = Number(figure.dataset.chosen);

    function move(lines, place) {
      lines.forEach(function (line) {
        line.setAttribute("x1", place + "%");
        line.setAttribute("x2", place + "%");
        line.removeAttribute("display");
      });
    }

    function show(index, aloud) {
      chosen = Math.max(0, Math.min(moments.length - 1, index));
      const moment = moments[chosen];
      const value = Object.fromEntries(SLOTS.map((name, place) => [name, moment[place + 2]]));
      range.value = chosen;
      range.setAttribute("aria-valuetext", value.clock + ", " + value.says);
      figure.querySelectorAll("[data-slot]").forEach(function (slot) {
        slot.textContent = slot.dataset.slot === "position" ? "#" + value.position : value[slot.dataset.slot];
        if (slot.dataset.slot === "position") slot.setAttribute("href", "#e" + value.position);
      });
      move(section.querySelectorAll(".bytime .cursor, .lane .cursor"), moment[0]);
      move(section.querySelectorAll(".byevent .cursor"), moment[1]);
      section.querySelectorAll("tr.chosen").forEach((row) => row.classList.remove("chosen"));
      const row = section.querySelector("#e" + value.position);
      if (row) row.classList.add("chosen");
      if (!aloud) return;
      write({at: value.position});
      say(value.clock + ": " + value.says + ". Guest visible " + value.visible + ", assigned " + value.assigned +
        ", ballooned " + value.ballooned + ", in use " + value.in_use + ".");
    }

    function pin(name) {
      const moment = moments[chosen];
      pins[name] = moment[POSITION];
      write({[name]: pins[name]});
      document.dispatchEvent(new CustomEvent("pinned"));
      say("Pinned " + name.toUpperCase() + " at " + moment[2]);
    }

    function showPins() {
      bar.querySelectorAll("[data-pin]").forEach(function (button) {
        const name = button.dataset.pin, index = moments.findIndex((moment) => moment[POSITION] === pins[name]);
        button.setAttribute("aria-pressed", String(name in pins));
        button.textContent = index < 0 ? (name in pins ? name.toUpperCase() + " #" + pins[name]
          : "Pin " + name.toUpperCase()) : name.toUpperCase() + " " + moments[index][2];
      });
      bar.querySelector(".compare").hidden = !("a" in pins && "b" in pins);
    }

    range.addEventListener("input", () => show(Number(range.value), true));
    range.addEventListener("keydown", function (event) {
      if (event.key !== "a" && event.key !== "b") return;
      event.preventDefault();
      pin(event.key);
    });
    bar.addEventListener("click", function (event) {
      const button = event.target.closest("button");
      if (button && button.dataset.step) show(chosen + Number(button.dataset.step), true);
      if (button && button.dataset.pin) pin(button.dataset.pin);
    });
    [".bytime", ".byevent"].forEach(function (place, column) {
      figure.querySelector(place).addEventListener("click", function (event) {
        if (event.target.closest("a")) return;
        const box = event.currentTarget.querySelector(".chart").getBoundingClientRect();
        show(nearest(moments, column, (event.clientX - box.left) / box.width * 100), true);
      });
    });
    document.addEventListener("pinned", showPins);
    bar.hidden = false;
    show(chosen, false);
    figures.push({go: function (position) { /* the last moment that was there then */
      const later = moments.findIndex((moment) => moment[POSITION] > position);
      show((later < 0 ? moments.length : later) - 1, false);
    }});
  }

  function follow() { /* what the fragment says, from the start and whenever somebody follows a link */
    const chosen = fragment();
    if (chosen.has("at")) figures.forEach((figure) => figure.go(Number(chosen.get("at"))));
    ["a", "b"].forEach(function (name) { if (chosen.has(name)) pins[name] = Number(chosen.get(name)); });
    document.dispatchEvent(new CustomEvent("pinned"));
  }

  document.querySelectorAll("figure.picture").forEach(function (figure) {
    if (figure.querySelector(".moments")) prepare(figure);
  });
  window.addEventListener("hashchange", follow);
  follow();
})();
