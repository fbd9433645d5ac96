/* Moves through the moments of charts, pins two of them, and filters rows. Python wrote all texts: here they are only
   put in their places. A page without this shows the same at one moment. The fragment has what was chosen:
   #at=48 (a position), #a=53&b=71 (two pinned ones); all other fragments are anchors. Of several histories in one page
   each has positions, and so a fragment, of its own: #h2-at=48. A row with data-words is shown if these have all words
   of the filter of its table. */
"use strict";
(function () {
  let figures = [], comparisons = [];
  const pins = {};
  let spoken = 0;

  function say(words) { /* once somebody rests: not for every step on the way */
    clearTimeout(spoken);
    spoken = setTimeout(function () { document.querySelector(".live").textContent = words; }, 400);
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

  function anchorsOf(element) { /* of several histories in one page each has anchors of its own */
    const history = element.closest("[data-anchors]");
    return history ? history.dataset.anchors : "";
  }

  function addressOf(anchor) { /* on a live page the server knows where an event is that is not in it */
    return ("position" in document.body.dataset && !document.getElementById(anchor) ? "/" : "#") + anchor;
  }

  function prepare(figure) {
    const data = figure.querySelector(".moments"), moments = JSON.parse(data.textContent);
    const slots = data.dataset.slots.split(" "), POSITION = 2 + slots.indexOf("position");
    const section = figure.closest("section") || figure;
    const bar = figure.querySelector(".bar");
    const range = bar.querySelector("input");
    const anchors = anchorsOf(figure);
    const steps = section.querySelector(".book"), book = steps ? JSON.parse(steps.textContent) : [];
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
      const value = Object.fromEntries(slots.map((name, place) => [name, moment[place + 2]]));
      range.value = chosen;
      range.setAttribute("aria-valuetext", value.clock + ", " + value.says);
      section.querySelectorAll("[data-slot]").forEach(function (slot) {
        slot.textContent = slot.dataset.slot === "position" ? "#" + value.position : value[slot.dataset.slot];
        if (slot.dataset.slot === "position") slot.setAttribute("href", addressOf(anchors + "e" + value.position));
      });
      section.querySelectorAll("[data-book]").forEach(function (row, place) { /* what a VM holds of its host */
        const [, ...cells] = book[place].reduce((last, step) => step[0] <= chosen ? step : last, [0]);
        row.hidden = !cells.length;
        row.querySelectorAll("td").forEach((cell, column) => { (cell.firstElementChild || cell).textContent = cells[column]; });
      });
      move(section.querySelectorAll(".bytime .cursor, .lane .cursor"), moment[0]);
      move(section.querySelectorAll(".byevent .cursor"), moment[1]);
      section.querySelectorAll("tr.chosen").forEach((row) => row.classList.remove("chosen"));
      const row = section.querySelector("#" + anchors + "e" + value.position);
      if (row) row.classList.add("chosen");
      if (!aloud) return;
      write({[anchors + "at"]: value.position});
      say(value.clock + ": " + value.says + ". " + (value.sentence || "Guest visible " + value.visible + ", assigned " + value.assigned +
        ", ballooned " + value.ballooned + ", in use " + value.in_use + "."));
    }

    function pin(name) {
      const moment = moments[chosen];
      pins[anchors + name] = moment[POSITION];
      write({[anchors + name]: moment[POSITION]});
      showPins();
      say("Pinned " + name.toUpperCase() + " at " + moment[2]);
    }

    function showOwnPins() {
      bar.querySelectorAll("[data-pin]").forEach(function (button) {
        const name = button.dataset.pin, pinned = pins[anchors + name];
        const index = moments.findIndex((moment) => moment[POSITION] === pinned);
        button.setAttribute("aria-pressed", String(pinned !== undefined));
        button.textContent = index < 0 ? (pinned === undefined ? "Pin " + name.toUpperCase()
          : name.toUpperCase() + " #" + pinned) : name.toUpperCase() + " " + moments[index][2];
      });
      const link = bar.querySelector(".compare");
      link.hidden = !arePinned(anchors);
      if (!document.getElementById(anchors + "compare")) link.search = "a=" + pins.a + "&b=" + pins.b;
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
      const section = event.target.closest(".compare") && document.getElementById(anchors + "compare");
      if (!section) return;
      event.preventDefault(); /* the address keeps both moments */
      section.scrollIntoView();
    });
    [".bytime", ".byevent"].forEach(function (place, column) {
      figure.querySelector(place).addEventListener("click", function (event) {
        if (event.target.closest("a")) return;
        const box = event.currentTarget.querySelector(".chart").getBoundingClientRect();
        show(nearest(moments, column, (event.clientX - box.left) / box.width * 100), true);
      });
    });
    bar.hidden = false;
    show(chosen, false);
    figures.push({anchors, go: (position) => show(placeOf(moments, POSITION, position), false), showPins: showOwnPins});
  }

  function arePinned(anchors) {
    return anchors + "a" in pins && anchors + "b" in pins;
  }

  function placeOf(moments, column, position) { /* of a position, or of the last moment before it */
    const exact = moments.findIndex((moment) => moment[column] === position);
    const later = moments.findIndex((moment) => moment[column] > position);
    return exact >= 0 ? exact : Math.max(0, (later < 0 ? moments.length : later) - 1);
  }

  function prepareComparison(box) {
    const data = JSON.parse(box.querySelector(".compared").textContent);
    const anchors = anchorsOf(box);
    const body = box.querySelector("tbody"), blank = box.querySelector("template").content.firstElementChild;

    function momentOf(position) { /* an instant has the position of its last event: others are found by their steps */
      const exact = data.moments.findIndex((moment) => moment[0] === position);
      if (exact >= 0) return exact;
      const step = data.subjects.flatMap((subject) => subject[2].flatMap((line) => line[1])).find((one) => one[2] === position);
      return step ? Math.min(step[0], data.moments.length - 1) : placeOf(data.moments, 0, position);
    }

    function words(size) {
      const exact = size * 100 % data.unit[1] === 0, [whole, rest] = (size / data.unit[1]).toFixed(2).split(".");
      const digits = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") : whole;
      if (size && digits === "0" && rest === "00") return "<0.01";
      return (exact ? "" : "~") + (digits + "." + rest).replace(/\.?0+$/, "");
    }

    function difference(before, after) {
      return (after > before ? "+" : "\u2212") + words(Math.abs(after - before));
    }

    function changesOf(lines, a, b) {
      return lines.map(function ([label, steps]) {
        const sizeAt = (place) => steps.reduce((size, step) => step[0] <= place ? step[1] : size, null);
        const by = steps.filter((step) => step[0] > Math.min(a, b) && step[0] <= Math.max(a, b)).map((step) => step[2]);
        return {label, before: sizeAt(a), after: sizeAt(b), by};
      }).filter((change) => change.before !== change.after);
    }

    function row(change, first, href, label, count, most) {
      const made = blank.cloneNode(true), cells = made.querySelectorAll("td");
      const [line, from, to] = [...made.querySelectorAll(".inkline, .hollow, svg .ink")];
      const known = change.before !== null && change.after !== null;
      const place = (size) => 3 + 94 * size / most + "%";
      made.classList.toggle("group-first", first);
      if (first) {
        made.querySelector("th").rowSpan = count;
        made.querySelector("th a").textContent = label;
        made.querySelector("th a").setAttribute("href", "#" + anchors + href.slice(1));
      } else made.querySelector("th").remove();
      cells[0].textContent = change.label;
      cells[1].textContent = change.before === null ? "no figure" : words(change.before);
      cells[3].firstChild.textContent = change.after === null ? "no figure" : words(change.after);
      cells[4].textContent = known ? difference(change.before, change.after) : "";
      if (known) {
        line.setAttribute("x1", place(change.before));
        line.setAttribute("x2", place(change.after));
        from.setAttribute("cx", place(change.before));
        to.setAttribute("cx", place(change.after));
      } else cells[5].textContent = "";
      change.by.slice(-3).forEach(function (position) {
        const link = document.createElement("a");
        link.href = "#" + anchors + "e" + position;
        link.textContent = "#" + position;
        cells[6].append(link, " ");
      });
      if (change.by.length > 3) cells[6].append("and " + (change.by.length - 3) + " more");
      return made;
    }

    comparisons.push(function () {
      if (!arePinned(anchors)) return;
      const [a, b] = ["a", "b"].map((name) => momentOf(pins[anchors + name]));
      const all = data.subjects.map(([href, label, lines]) => ({href, label, changes: changesOf(lines, a, b)}));
      const large = (change) => change.before === null || change.after === null ||
        Math.abs(change.after - change.before) >= 1048576;
      const shown = all.map((subject) => ({...subject, changes: subject.changes.filter(large)}))
        .filter((subject) => subject.changes.length);
      const count = (subjects) => subjects.reduce((sum, subject) => sum + subject.changes.length, 0);
      const most = Math.max(1, ...shown.flatMap((subject) => subject.changes.flatMap((one) => [one.before, one.after])));
      body.replaceChildren(...shown.flatMap((subject) => subject.changes.map((change, index) =>
        row(change, index === 0, subject.href, subject.label, subject.changes.length, most))));
      const slot = (name, text) => { box.querySelector("[data-slot=" + name + "]").textContent = text; };
      [["a", a], ["b", b]].forEach(function ([name, place]) {
        slot(name, data.moments[place][1]);
        slot(name + "-position", "position " + data.moments[place][0]);
      });
      slot("summary", count(shown) === 0 ? "No figure changed by 1 MiB or more." : count(shown) + (count(shown) === 1 ?
        " figure" : " figures") + " changed on " + shown.length + " of " + all.length +
        " hosts and VMs; no other did by 1 MiB or more.");
      slot("foot", "All sizes in " + data.unit[0] + ". Changes under 1 MiB left out: " + (count(all) - count(shown)) + ".");
    });
  }

  function prepareFilter(filter) { /* its rows are those of the table that it names */
    const rows = [...document.querySelectorAll("#" + CSS.escape(filter.dataset.filters) + " [data-words]")];
    const input = filter.querySelector("input"), count = filter.querySelector("[data-count]");
    filter.hidden = false;
    input.addEventListener("input", function () {
      const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach(function (row) {
        row.hidden = !wanted.every((word) => row.dataset.words.toLowerCase().includes(word));
        if (!row.hidden) shown += 1;
      });
      count.textContent = shown + " of " + rows.length;
      say(shown + " of " + rows.length + " shown");
    });
  }

  function showPins() {
    figures.forEach((figure) => figure.showPins());
    comparisons.forEach((compare) => compare());
  }

  function follow() { /* what the fragment says, from the start and whenever somebody follows a link */
    const chosen = fragment();
    figures.forEach(function (figure) {
      const at = chosen.get(figure.anchors + "at");
      if (at !== null) figure.go(Number(at));
    });
    chosen.forEach(function (value, name) { if (/(^|-)[ab]$/.test(name)) pins[name] = Number(value); });
    showPins();
  }

  function start() {
    figures = [];
    comparisons = [];
    document.querySelectorAll("figure.picture").forEach(function (figure) {
      if (figure.querySelector(".moments")) prepare(figure);
    });
    document.querySelectorAll(".comparison").forEach(prepareComparison);
    document.querySelectorAll(".filters").forEach(prepareFilter);
    follow();
  }

  window.addEventListener("hashchange", follow);
  document.addEventListener("replaced", start); /* a page that is live has new content */
  start();
})();
