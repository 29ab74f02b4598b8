// What script adds: keys, the live stream, dropping a sheet. Every page works without it.
"use strict";

(function () {
  const byKey = (key) => document.querySelector('[data-key="' + key + '"]');
  const go = { s: "/", m: "/mail-outs", l: "/letters", c: "/contacts" };
  const typing = (target) => target.closest("input, select, textarea, [contenteditable]");
  const keysOn = () => { try { return localStorage.getItem("single-keys") !== "off"; } catch { return true; } };
  let afterG = false;

  // Keys: / finds, g then a letter goes, j and k walk through rows, p pauses, s opens stop, ? helps.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !keysOn()) return;
    if (afterG && go[event.key]) { location.href = go[event.key]; return; }
    afterG = event.key === "g";
    if (event.key === "/") { document.getElementById("find")?.focus(); event.preventDefault(); }
    else if (event.key === "?") location.href = "/help";
    else if (event.key === "j" || event.key === "k") walk(event.key === "j" ? 1 : -1);
    else if (event.key === "p") byKey("p")?.focus();
    else if (event.key === "s") {
      const stop = byKey("s");
      if (stop) { stop.open = true; stop.querySelector("summary").focus(); }
    }
  });

  function walk(step) {
    const links = [...document.querySelectorAll("[data-rows] tbody th a")];
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    links[Math.min(links.length - 1, Math.max(0, at + step))].focus();
  }

  // The live page: one stream; the moving part stands still while it is pointed at or focused inside.
  const now = document.getElementById("now");
  if (now?.dataset.stream && window.EventSource) {
    const stream = new EventSource(now.dataset.stream);
    let waiting = null, pointed = false;
    const put = () => {
      if (waiting === null || pointed || now.contains(document.activeElement)) return;
      now.innerHTML = waiting;
      waiting = null;
    };
    now.addEventListener("pointerenter", () => { pointed = true; });
    now.addEventListener("pointerleave", () => { pointed = false; put(); });
    now.addEventListener("focusout", () => setTimeout(put, 0));
    stream.addEventListener("now", (event) => { waiting = event.data; put(); });
    stream.addEventListener("say", (event) => { document.getElementById("said").textContent = event.data; });
    // Whoever has just asked for another page gets that one: a reload would call it off. A download leaves this one open.
    let left = 0;
    addEventListener("beforeunload", () => { left = Date.now(); });
    const renew = () => { if (Date.now() - left > 5000) location.reload(); else setTimeout(renew, 1000); };
    stream.addEventListener("over", () => { stream.close(); renew(); });
  }

  // A sheet can be dropped anywhere on the form that takes it.
  for (const form of document.querySelectorAll("form.drop")) {
    const input = form.querySelector("input[type=file]");
    form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("over"); });
    form.addEventListener("dragleave", () => form.classList.remove("over"));
    form.addEventListener("drop", (event) => {
      event.preventDefault();
      form.classList.remove("over");
      if (event.dataTransfer.files.length) { input.files = event.dataTransfer.files; form.requestSubmit(); }
    });
  }

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
  const keys = document.getElementById("single-keys");
  if (keys) {
    keys.closest("p").hidden = false;
    keys.checked = keysOn();
    keys.addEventListener("change", () => { try { localStorage.setItem("single-keys", keys.checked ? "on" : "off"); } catch { /* private window */ } });
  }
  document.querySelector("[data-focus]")?.focus();
})();
