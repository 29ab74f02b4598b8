// What script adds: keys, the live stream, dropping a sheet. Every page works without it.
"use strict";

(function () {
  const byKey = (key) => document.querySelector('[data-key="' + key + '"]');
  const go = { s: "/", m: "/mail-outs", l: "/letters", c: "/contacts" };
  const typing = (target) => target.closest("input, select, textarea, [contenteditable]");
  const keysOn = () => { try { return localStorage.getItem("single-keys") !== "off"; } catch { return true; } };
  let afterG = false;

  // What was typed or chosen before script was there, or was put back by the browser, is typed now.
  const changed = (one) => {
    if (one.matches("select")) return one.selectedIndex !== Math.max(0, [...one.options].findIndex((option) => option.defaultSelected));
    return one.matches("[type=checkbox], [type=radio]") ? one.checked !== one.defaultChecked : one.value !== one.defaultValue;
  };
  document.addEventListener("DOMContentLoaded", () => {
    for (const one of document.querySelectorAll("form[hx-trigger] :is(input, select, textarea)")) {
      if (!changed(one)) continue;
      for (const kind of ["input", "change"]) one.dispatchEvent(new Event(kind, { bubbles: true }));
    }
  });

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

  // The live page: one stream that says when it was true. Where it is lost, the page says so and asks for itself.
  const now = document.getElementById("now");
  if (now?.dataset.stream && window.EventSource) {
    const age = document.getElementById("age"), stamp = age.querySelector("time"), fresh = [...age.childNodes];
    const SILENCE = 6000, AGAIN = 4000;
    let stream = null, heard = Date.now(), asked = 0, waiting = null, pressed = null;

    // Each part is put in its place by itself; only the one with the focus, or under a pressed button, stands still.
    const put = () => {
      if (waiting === null) return;
      const next = document.createElement("template");
      next.innerHTML = waiting;
      const names = (root) => [...root.querySelectorAll("[data-part]")].map((one) => one.dataset.part).join();
      if (names(next.content) !== names(now)) { if (!busy(now)) { now.innerHTML = waiting; waiting = null; } return; }
      let all = true;
      for (const part of now.querySelectorAll("[data-part]")) {
        const other = next.content.querySelector('[data-part="' + part.dataset.part + '"]');
        if (busy(part)) { part.dataset.held = now.dataset.still; all = false; }
        else if (part.outerHTML !== other.outerHTML) part.replaceWith(other);
      }
      if (all) waiting = null;
    };
    const busy = (part) => part.contains(document.activeElement) || part.contains(pressed);
    now.addEventListener("focusout", () => setTimeout(put, 0));
    now.addEventListener("pointerdown", (event) => { pressed = event.target; });
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(() => { pressed = null; put(); }, 0));

    const true_at = (time) => {
      heard = Date.now();
      stamp.textContent = time;
      if (age.classList.contains("lost")) { age.classList.remove("lost"); age.replaceChildren(...fresh); }
    };
    const lost = () => {
      if (age.classList.contains("lost")) return;
      age.classList.add("lost");
      age.replaceChildren(age.dataset.lost.replace("{time}", stamp.textContent));
    };
    // Whoever has just asked for another page gets that one: a reload would call it off. A download leaves this one open.
    let left = 0;
    addEventListener("beforeunload", () => { left = Date.now(); });
    const renew = () => { if (Date.now() - left > 5000) location.reload(); else setTimeout(renew, 1000); };

    const listen = () => {
      stream?.close();
      stream = new EventSource(now.dataset.stream);
      stream.addEventListener("now", (event) => { waiting = event.data; put(); });
      stream.addEventListener("at", (event) => true_at(event.data));
      stream.addEventListener("say", (event) => { document.getElementById("said").textContent = event.data; });
      stream.addEventListener("over", () => { stream.close(); renew(); });
    };
    const ask = async () => {
      asked = Date.now();
      try {
        const answer = await fetch(now.dataset.now, { redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(AGAIN) });
        if (!answer.ok || answer.headers.has("x-anew")) { if (answer.status < 500) renew(); return; }
        waiting = await answer.text();
        true_at(answer.headers.get("x-as-of"));
        put();
        listen();
      } catch { /* nobody there: asked again */ }
    };
    setInterval(() => {
      if (document.hidden || Date.now() - heard < SILENCE) return;
      lost();
      if (Date.now() - asked > AGAIN) ask();
    }, 500);
    // A page that nobody sees is not watched: it neither keeps the sign-in nor asks the console.
    document.addEventListener("visibilitychange", () => { if (document.hidden) stream.close(); else { heard = Date.now(); ask(); } });
    listen();
  }

  // Notices on the desktop, from the start page: what needs a yes, pauses or ends.
  const tell = document.getElementById("tell");
  if (tell && window.Notification && window.EventSource) {
    const [on, off] = tell.querySelectorAll("button");
    const wanted = () => { try { return localStorage.getItem("tell") === "on" && Notification.permission === "granted"; } catch { return false; } };
    const want = (yes) => { try { localStorage.setItem("tell", yes ? "on" : "off"); } catch { /* private window */ } show(); };
    let news = null;
    const show = () => {
      on.hidden = wanted(); off.hidden = !wanted();
      if (!wanted()) { news?.close(); news = null; return; }
      if (news) return;
      news = new EventSource(tell.dataset.stream);
      news.addEventListener("ready", () => { tell.dataset.ready = "yes"; });
      news.addEventListener("tell", (event) => new Notification(event.data, { tag: event.data }));
    };
    on.addEventListener("click", async () => { await Notification.requestPermission(); want(true); });
    off.addEventListener("click", () => want(false));
    tell.hidden = false;
    show();
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

  // What was typed for a call survives a bad line and a page loaded anew; it counts once, by the token of the form.
  for (const form of document.querySelectorAll("form[data-kept]")) {
    const place = "call " + form.elements.who.value, said = form.querySelector("[role=alert]");
    const names = ["position", "note", "next_step", "due", "owner", "token"];
    const fields = () => names.map((name) => form.elements[name]).filter(Boolean);
    const keep = () => { try { sessionStorage.setItem(place, JSON.stringify(fields().map((one) => one.value))); } catch { /* private window */ } };
    const drop = () => { try { sessionStorage.removeItem(place); } catch { /* private window */ } };
    try {
      const kept = JSON.parse(sessionStorage.getItem(place) || "null");
      if (kept) fields().forEach((one, at) => { one.value = kept[at]; });
    } catch { /* private window */ }
    form.addEventListener("input", keep);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      keep();
      said.textContent = "";
      form.setAttribute("aria-busy", "true");
      const button = event.submitter, body = new URLSearchParams(new FormData(form));
      if (button?.name) body.set(button.name, button.value);
      try {
        const line = { method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(20000) };
        if ((await fetch(form.action, line)).type === "opaqueredirect") { drop(); location.href = form.dataset.next; return; }
        // signed out, or refused: the page that says so
        const source = document.createElement("input");
        Object.assign(source, { type: "hidden", name: button?.name || "", value: button?.value || "" });
        form.append(source);
        form.submit();
      } catch {
        said.textContent = form.dataset.kept;
      } finally { form.removeAttribute("aria-busy"); }
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
