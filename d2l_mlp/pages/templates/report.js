"use strict";
// The images behind a cell of the confusion matrix.
for (const matrix of document.querySelectorAll(".confusion")) {
  const cells = JSON.parse(matrix.querySelector("script").textContent);
  const panel = matrix.querySelector(".behind");
  const buttons = [...matrix.querySelectorAll("button")];
  const side = Math.sqrt(buttons.length);

  const element = (name, text = "") => {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  };

  const choose = (chosen) => {
    for (const button of buttons) button.setAttribute("aria-pressed", button === chosen);
    const images = cells[chosen.dataset.cell] || [];
    const count = Number(chosen.textContent);
    const list = element("ul");
    list.className = "images";
    for (const [column, row, number, confidence] of images) {
      const image = element("span");
      image.className = `image of-${matrix.dataset.release}`;
      image.setAttribute("role", "img");
      image.setAttribute("aria-label", `test image ${number}`);
      image.style.setProperty("--column", column);
      image.style.setProperty("--row", row);
      const item = element("li");
      item.append(image, element("span", confidence.toFixed(3)));
      list.append(item);
    }
    const which = count > images.length ? `the ${images.length} surest ones, ` : "";
    const rest = images.length ? ` (${which}each with its probability)` : "";
    panel.replaceChildren(element("p", chosen.getAttribute("aria-label") + rest));
    if (images.length) panel.append(list);
  };

  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const move = (from, [down, across]) => {
    const at = buttons.indexOf(from);
    const row = Math.min(side - 1, Math.max(0, Math.floor(at / side) + down));
    const column = Math.min(side - 1, Math.max(0, (at % side) + across));
    focusable(buttons[row * side + column]).focus();
  };
  const focusable = (chosen) => {
    for (const button of buttons) button.tabIndex = button === chosen ? 0 : -1;
    return chosen;
  };

  for (const button of buttons) {
    button.addEventListener("click", () => choose(focusable(button)));
    button.addEventListener("keydown", (event) => {
      if (!(event.key in steps)) return;
      event.preventDefault();
      move(button, steps[event.key]);
    });
  }
}
