"use strict";
(() => {
  const data = JSON.parse(document.getElementById("points").textContent);
  const unpack = (Type, text) => new Type(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const xs = unpack(Uint16Array, data.x), ys = unpack(Uint16Array, data.y), rows = unpack(Uint32Array, data.row);
  const labels = unpack(Int32Array, data.label), sure = unpack(Uint8Array, data.sure);
  const rivals = unpack(Uint16Array, data.rival), shares = unpack(Uint8Array, data.share);
  const [height, width, columns] = data.picture;
  const REACH = 24, STEPS = 65535, ENLARGED = 112, GAP = 8;
  const sheet = document.getElementById("sheet"), tip = document.getElementById("tip");
  const night = matchMedia("(prefers-color-scheme: dark)");
  let only = null, shown = null;

  const plots = [];
  let first = 0;
  for (const view of data.views) {
    const card = document.querySelector(`[data-channel="${view.channel}"]`);
    plots.push({ ...view, first, canvas: card.querySelector("canvas"), title: card.querySelector("b").textContent });
    first += view.count;
  }

  // Dark colours are lightened where the page is dark; the hue stays that of the figures.
  function shade(hex) {
    let rgb = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    while (night.matches && 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2] < 110) rgb = rgb.map((v) => v + 0.1 * (255 - v));
    return `rgb(${rgb.map(Math.round).join(",")})`;
  }

  const colourOf = (label) =>
    !data.names.length ? shade(data.colours[0]) : label < 0 ? (night.matches ? "#777" : "#bbb") : shade(data.colours[label]);

  const place = (plot, i, size) => [(xs[i] / STEPS) * size, (1 - ys[i] / STEPS) * size];

  function draw(plot) {
    const { canvas } = plot, size = canvas.clientWidth, ratio = devicePixelRatio || 1;
    canvas.width = canvas.height = Math.round(size * ratio);
    const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    pen.scale(ratio, ratio);
    pen.fillStyle = style.getPropertyValue("--soft");
    pen.fillRect(0, 0, size, size);
    pen.strokeStyle = style.getPropertyValue("--line");
    if (data.rings)
      for (const deviations of [1, 2]) {
        pen.beginPath();
        pen.arc((-plot.low[0] / plot.side) * size, (1 + plot.low[1] / plot.side) * size, (deviations / plot.side) * size, 0, 7);
        pen.stroke();
      }
    const radius = plot.count > 2000 ? 1.6 : plot.count > 400 ? 2.2 : 3;
    const kinds = new Map();
    for (let i = plot.first; i < plot.first + plot.count; i++) {
      if (!kinds.has(labels[i])) kinds.set(labels[i], []);
      kinds.get(labels[i]).push(i);
    }
    // The rarest label last, and the chosen one after all: what does not belong is seen.
    const late = ([label, members]) => (label === only ? 0 : members.length);
    for (const [label, members] of [...kinds].sort((a, b) => late(b) - late(a))) {
      pen.fillStyle = colourOf(label);
      pen.globalAlpha = only === null || only === label ? 0.8 : 0.1;
      pen.beginPath();
      for (const i of members) {
        const [x, y] = place(plot, i, size);
        pen.moveTo(x + radius, y);
        pen.arc(x, y, radius, 0, 7);
      }
      pen.fill();
    }
    pen.globalAlpha = 1;
    if (shown !== null && shown.plot === plot) {
      const [x, y] = place(plot, shown.point, size);
      pen.lineWidth = 2.5;
      pen.strokeStyle = style.getPropertyValue("--ink");
      pen.beginPath();
      pen.arc(x, y, radius + 4, 0, 7);
      pen.stroke();
    }
  }

  function nearest(plot, x, y, size) {
    let best = null, least = REACH * REACH;
    for (let i = plot.first; i < plot.first + plot.count; i++) {
      if (only !== null && labels[i] !== only) continue;
      const [px, py] = place(plot, i, size), distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  function hide() {
    if (shown === null) return;
    const { plot } = shown;
    shown = null;
    tip.hidden = true;
    draw(plot);
  }

  function show(plot, point) {
    if (shown !== null && shown.point === point) return;
    hide();
    shown = { plot, point };
    const zoom = ENLARGED / Math.max(height, width), picture = tip.querySelector("canvas"), pen = picture.getContext("2d", { willReadFrequently: true });
    picture.width = width;
    picture.height = height;
    picture.style.width = `${width * zoom}px`;
    picture.style.height = `${height * zoom}px`;
    const left = (point % columns) * width, top = Math.floor(point / columns) * height;
    pen.drawImage(sheet, left, top, width, height, 0, 0, width, height);
    tip.querySelector("p").textContent = words(plot, point);
    tip.hidden = false;
    moor(plot.canvas.getBoundingClientRect(), place(plot, point, plot.canvas.clientWidth));
    draw(plot);
  }

  function words(plot, point) {
    const label = labels[point] < 0 ? "" : `label ${data.names[labels[point]]}\n`;
    const own = plot.label === null ? "" : ` (label ${plot.label})`, next = Math.round(shares[point] / 2.55);
    const rival = next < 1 ? "" : `\nnext: channel ${rivals[point]}, ${next} %`;
    return `${label}sample ${rows[point]}\n${Math.round(sure[point] / 2.55)} % sure of channel ${plot.channel}${own}${rival}`;
  }

  // Beside the plot at the height of the point, else below or above it, and over the plot only where there is no room.
  function moor(box, [x, y]) {
    const wide = tip.offsetWidth, high = tip.offsetHeight, right = document.documentElement.clientWidth;
    const within = (value, most) => Math.max(4, Math.min(value, most - 4));
    const across = within(box.left + x - wide / 2, right - wide), along = within(box.top + y - high / 2, innerHeight - high);
    const sides = [[box.right + GAP, along], [box.left - wide - GAP, along]];
    if (x < box.width / 2) sides.reverse();
    const spots = [...sides, [across, box.bottom + GAP], [across, box.top - high - GAP]];
    const over = [x < box.width / 2 ? box.left + x + 2 * GAP : box.left + x - wide - 2 * GAP, along];
    const free = ([left, top]) => left >= 4 && top >= 4 && left + wide + 4 <= right && top + high + 4 <= innerHeight;
    const [left, top] = spots.find(free) ?? [within(over[0], right - wide), over[1]];
    tip.style.left = `${left}px`;
    tip.style.top = `${top}px`;
  }

  for (const plot of plots) {
    const { canvas } = plot;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      const point = nearest(plot, event.clientX - box.left, event.clientY - box.top, box.width);
      if (point === null) hide();
      else show(plot, point);
    };
    canvas.addEventListener("pointermove", at);
    canvas.addEventListener("pointerdown", at);
    canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
    canvas.addEventListener("blur", hide);
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hide();
      if (!step || !plot.count) return;
      event.preventDefault();
      const now = shown !== null && shown.plot === plot ? shown.point - plot.first + step : 0;
      show(plot, plot.first + ((now + plot.count) % plot.count));
    });
    new ResizeObserver(() => draw(plot)).observe(canvas);
  }

  document.addEventListener("pointerdown", (event) => event.target.closest(".card canvas") || hide());
  addEventListener("scroll", hide, { passive: true });

  function dress() {
    for (const button of document.querySelectorAll(".legend button"))
      button.querySelector("i").style.background = colourOf(Number(button.dataset.label));
    plots.forEach(draw);
  }

  for (const button of document.querySelectorAll(".legend button"))
    button.addEventListener("click", () => {
      const label = Number(button.dataset.label);
      only = only === label ? null : label;
      for (const other of document.querySelectorAll(".legend button"))
        other.setAttribute("aria-pressed", String(Number(other.dataset.label) === only));
      hide();
      plots.forEach(draw);
    });
  night.addEventListener("change", dress);
  dress();
})();
