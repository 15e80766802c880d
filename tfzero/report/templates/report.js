"use strict";
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const sheet = document.getElementById("sprite");
  const tip = document.getElementById("tip");
  const NEAR = 28; // screen pixels from a pointer to a point
  let marked = null;

  // What is said of a point: lines of text, never markup, and perhaps a thumbnail.
  function say(lines, thumbnail, x, y) {
    tip.replaceChildren(...lines.map((line, place) => {
      const row = document.createElement(place ? "div" : "strong");
      row.textContent = line;
      return row;
    }));
    if (thumbnail !== undefined && data.sprite && sheet) {
      const { columns, width, height } = data.sprite;
      const canvas = document.createElement("canvas");
      canvas.width = width;
      canvas.height = height;
      canvas.style.width = `${Math.round(width * Math.max(1, 72 / height))}px`;
      canvas.getContext("2d").drawImage(
        sheet, (thumbnail % columns) * width, Math.floor(thumbnail / columns) * height,
        width, height, 0, 0, width, height);
      tip.append(canvas);
    }
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const wide = document.documentElement.clientWidth;
    const left = Math.max(4, Math.min(x + 14, wide - box.width - 4));
    const top = y - box.height - 12 < 4 ? y + 16 : y - box.height - 12;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${top + scrollY}px`;
  }

  function unmark() {
    tip.hidden = true;
    if (marked) marked.classList.remove("marked");
    marked = null;
  }

  function percent(share) { // never 0.0 or 100.0 of what only comes near it
    for (let digits = 1; digits < 8; digits += 1) {
      const text = (100 * share).toFixed(digits);
      if (![0, 100].includes(Number(text)) || [0, 1].includes(share)) return `${text} %`;
    }
    return `${100 * share} %`;
  }
  function center(element) {
    const box = element.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  }

  function mark(point) {
    unmark();
    marked = point;
    point.classList.add("marked");
    const said = data.tips[point.dataset.key];
    say(said.lines, said.thumbnail, ...center(point));
  }

  // Points of the drawing that is on the screen, but for those of arms that are switched off.
  function visible(chart) {
    return [...chart.querySelectorAll("[data-key]")].filter((point) => point.getClientRects().length);
  }

  // A finger that taps moves nothing; it points all the same.
  function follow(chart, point) {
    chart.addEventListener("pointermove", point);
    chart.addEventListener("click", point);
  }

  function followPoints(chart) {
    follow(chart, (event) => {
      let best = null, least = NEAR;
      for (const point of visible(chart)) {
        const [x, y] = center(point);
        const distance = Math.hypot(x - event.clientX, y - event.clientY);
        if (distance < least) [best, least] = [point, distance];
      }
      if (best === null) unmark();
      else if (best !== marked) mark(best);
    });
    chart.addEventListener("keydown", (event) => {
      const points = visible(chart);
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") unmark();
      if (step === undefined || !points.length) return;
      event.preventDefault();
      const place = points.indexOf(marked);
      mark(points[place < 0 ? 0 : (place + step + points.length) % points.length]);
    });
  }

  // The cells of a confusion matrix: found by where the pointer is, as they are one image.
  function followMatrix(chart) {
    const { matrix, names, named } = JSON.parse(chart.dataset.values);
    const count = names.length;
    let place = null;
    function grid() {
      const image = [...chart.querySelectorAll("image")].find((one) => one.getClientRects().length);
      return image && image.getBoundingClientRect();
    }
    function show(row, column) {
      const box = grid();
      place = [row, column];
      const total = matrix[row].reduce((sum, value) => sum + value, 0);
      const share = total ? ` (${percent(matrix[row][column] / total)} of its class)` : "";
      // The last of a large matrix is all the other classes together, with what they confuse.
      const mixed = row >= named ? "named as one of them" : "rightly named";
      const taken = row === column ? mixed : `taken for ${names[column]}`;
      say([`${names[row]}, ${taken}`, `${matrix[row][column]} times${share}`], undefined,
        box.left + (column + 0.5) * box.width / count, box.top + (row + 0.5) * box.height / count);
    }
    follow(chart, (event) => {
      const box = grid();
      const column = Math.floor((event.clientX - box.left) / box.width * count);
      const row = Math.floor((event.clientY - box.top) / box.height * count);
      if (row < 0 || column < 0 || row >= count || column >= count) unmark();
      else show(row, column);
    });
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
      if (event.key === "Escape") unmark();
      if (!step) return;
      event.preventDefault();
      if (place === null) show(0, 0);
      else show((place[0] + step[0] + count) % count, (place[1] + step[1] + count) % count);
    });
  }

  for (const chart of document.querySelectorAll(".chart[data-kind]")) {
    chart.tabIndex = 0;
    (chart.dataset.kind === "matrix" ? followMatrix : followPoints)(chart);
    chart.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") unmark();
    });
    chart.addEventListener("blur", unmark);
  }

  // Words with a meaning: at once, beside the word, instead of the browser's own slow tooltip.
  for (const word of document.querySelectorAll("[data-tip]")) {
    word.removeAttribute("title");
    word.setAttribute("aria-description", word.dataset.tip);
    const show = () => {
      const box = word.getBoundingClientRect();
      unmark();
      say([word.textContent, word.dataset.tip], undefined, box.left - 10, box.top);
    };
    word.addEventListener("pointerenter", show);
    word.addEventListener("focus", show);
    word.addEventListener("pointerleave", unmark);
    word.addEventListener("blur", unmark);
  }

  const boxes = [...document.querySelectorAll("#switches input")];
  function switchArm(box) {
    unmark();
    for (const part of document.querySelectorAll(`svg [data-arm="${box.value}"]`)) {
      part.classList.toggle("off", !box.checked);
    }
  }
  for (const box of boxes) {
    box.checked = box.defaultChecked; // some browsers remember a form across reloads
    switchArm(box);
    box.addEventListener("change", () => switchArm(box));
  }
  for (const button of document.querySelectorAll("#switches button")) {
    button.addEventListener("click", () => {
      for (const box of boxes) {
        box.checked = button.value === "all";
        switchArm(box);
      }
    });
  }
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
  });
  document.documentElement.classList.add("live");
})();
