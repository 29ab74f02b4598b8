// What script adds where letters are written: words offered as one types, the line of a problem, Ctrl+S, and a question
// before a page is left whose text is not saved. Every page works without it.
"use strict";

(function () {
  const form = () => document.getElementById("letter");
  if (!form()) return;
  const field = (target) => target.closest?.("[data-words]");
  let unsaved = "unsaved" in form().dataset;

  // ------------------------------------------------------------------------------------- what is not saved
  document.addEventListener("input", (event) => {
    if (!field(event.target)) return;
    unsaved = true;
    const said = document.getElementById("said");
    if (said) { said.textContent = ""; }
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target?.id === "said") unsaved = false;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "main") event.target.querySelector("[data-focus]")?.focus(); // a save that was refused
  });
  document.addEventListener("submit", () => { unsaved = false; });
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s" && document.getElementById("save")) {
      event.preventDefault();
      document.getElementById("save").click();
    }
  });

  // ------------------------------------------------------------------------------------ the line of a problem
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-line]");
    const text = document.getElementById("text");
    if (!link || !text) return;
    event.preventDefault();
    const lines = text.value.split("\n");
    const before = lines.slice(0, link.dataset.line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    const line = lines[link.dataset.line - 1] || "";
    const at = link.dataset.mark ? line.indexOf(link.dataset.mark) : -1;
    text.focus();
    text.setSelectionRange(before + Math.max(at, 0), before + (at < 0 ? line.length : at + link.dataset.mark.length));
    text.scrollTop = (text.scrollHeight / lines.length) * (link.dataset.line - 1) - text.clientHeight / 3;
  });

  // ------------------------------------------------------------------------------------------ words to put in
  const words = [...document.querySelectorAll("#words tbody tr")].map((row) => ({
    name: row.querySelector("[data-word]").textContent.replace(/^\{\{ | \}\}$/g, ""),
    meaning: row.cells[1].textContent,
  }));
  const list = document.createElement("ul");
  list.className = "offer";
  list.id = "offer";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", document.querySelector("#words caption")?.textContent || "");
  list.hidden = true;
  let open = null; // the field, where the word begins, what is offered, which of it is chosen

  const began = (input) => {
    const before = input.value.slice(0, input.selectionStart);
    const found = /\{\{\s*([\w.\["]*)$/.exec(before);
    return found && { from: before.length - found[1].length, typed: found[1].toLowerCase() };
  };

  function offer(input) {
    const start = began(input);
    const found = start ? words.filter((one) => one.name.toLowerCase().includes(start.typed)) : [];
    found.sort((one, other) => other.name.toLowerCase().startsWith(start.typed) - one.name.toLowerCase().startsWith(start.typed));
    if (!found.length || (found.length === 1 && found[0].name === start.typed)) return shut();
    open = { input, from: start.from, found: found.slice(0, 8), at: 0 };
    list.replaceChildren(...open.found.map((one, at) => {
      const item = document.createElement("li");
      item.id = "offer-" + at;
      item.setAttribute("role", "option");
      const name = document.createElement("code");
      const meaning = document.createElement("span");
      name.textContent = one.name;
      meaning.className = "quiet";
      meaning.textContent = " " + one.meaning;
      item.append(name, meaning);
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); open.at = at; take(); });
      return item;
    }));
    document.getElementById("main").append(list);
    list.hidden = false;
    place(input);
    choose(0);
    input.setAttribute("aria-controls", "offer");
    input.setAttribute("aria-autocomplete", "list");
  }

  // Below the line that is being typed, as far as a plain text area lets it be known.
  function place(input) {
    const box = input.getBoundingClientRect();
    let below = box.height;
    if (input.tagName === "TEXTAREA") {
      const style = getComputedStyle(input);
      const mirror = document.createElement("div");
      for (const name of ["font", "lineHeight", "padding", "border", "letterSpacing"]) mirror.style[name] = style[name];
      Object.assign(mirror.style, { position: "absolute", visibility: "hidden", whiteSpace: "pre-wrap", overflowWrap: "break-word", width: input.clientWidth + "px" });
      mirror.textContent = input.value.slice(0, input.selectionStart) + "|";
      document.body.append(mirror);
      below = Math.min(mirror.clientHeight - input.scrollTop, box.height);
      mirror.remove();
    }
    list.style.left = Math.max(8, Math.min(box.left + 8, innerWidth - list.offsetWidth - 8)) + scrollX + "px";
    list.style.top = box.top + scrollY + Math.max(0, below) + "px";
  }

  function choose(at) {
    open.at = (at + open.found.length) % open.found.length;
    [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === open.at)));
    list.children[open.at].scrollIntoView({ block: "nearest" });
    open.input.setAttribute("aria-activedescendant", "offer-" + open.at);
  }

  function take() {
    const { input, from, found, at } = open;
    const end = /^\s*\}\}/.exec(input.value.slice(input.selectionStart));
    const lead = input.value.slice(0, from).endsWith("{{") ? " " : "";
    input.setRangeText(lead + found[at].name + " }}", from, input.selectionStart + (end ? end[0].length : 0), "end");
    shut();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    shut();
  }

  function shut() {
    open?.input.removeAttribute("aria-activedescendant");
    open = null;
    list.hidden = true;
  }

  document.addEventListener("input", (event) => { const input = field(event.target); if (input && words.length && !input.readOnly) offer(input); });
  document.addEventListener("focusout", () => shut());
  document.addEventListener("keydown", (event) => {
    if (!open) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") choose(open.at + (event.key === "ArrowDown" ? 1 : -1));
    else if (event.key === "Enter" || event.key === "Tab") take();
    else if (event.key === "Escape") shut();
    else return;
    event.preventDefault();
  });
})();
