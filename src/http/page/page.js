// Makes the pages more convenient. Everything works without it: the page then asks for itself again, and commands are
// copied by hand.
"use strict";
(() => {
  const EVERY = Number(document.documentElement.dataset.refresh) * 1000;

  // Commands, addresses and ids. Single words are typed faster than copied.
  const isWorthCopying = (text) =>
    text.trim().split(/\s+/).length > 2 || text.includes("://") || text.replace(/\D/g, "").length > 7;

  // A button beside each command, where the browser runs scripts at all.
  const addCopyButtons = () => {
    for (const command of document.querySelectorAll(".hint code")) {
      if (!isWorthCopying(command.textContent)) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "copy";
      button.setAttribute("aria-label", `copy ${command.textContent}`);
      button.addEventListener("click", () => copy(command, button));
      const both = document.createElement("span");
      both.className = "copyable";
      command.replaceWith(both);
      both.append(command, button);
    }
  };

  const copy = async (command, button) => {
    let done = false;
    try {
      await navigator.clipboard.writeText(command.textContent);
      done = true;
    } catch {
      // The clipboard is closed to pages that came by http: select the text and ask the browser for its copy command.
      const range = document.createRange();
      range.selectNodeContents(command);
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "copied" : "selected";
    button.setAttribute("aria-label", `${button.textContent} ${command.textContent}`);
  };

  // Nothing is replaced under the hands of somebody who fills in a form or marks text.
  const isBusy = () => {
    const at = document.activeElement;
    const edited = [...document.querySelectorAll("main input[name], main select[name]")].some((field) =>
      field.tagName === "SELECT"
        ? [...field.options].some((option) => option.selected !== option.defaultSelected && option.value !== "")
        : field.value !== field.defaultValue,
    );
    return document.hidden || edited || !getSelection().isCollapsed || (at && at.matches("main input, main select"));
  };

  // A way to find again what has the focus, after the page was replaced: a link by where it leads, all else by its place.
  const placeOfFocus = () => {
    const at = document.activeElement;
    if (!at || at === document.body) return null;
    const alike = () => [...document.querySelectorAll(at.tagName)];
    const [link, place, count] = [at.getAttribute("href"), alike().indexOf(at), alike().length];
    return () =>
      link
        ? alike().find((one) => one.getAttribute("href") === link)
        : [alike()].find((now) => now.length === count)?.[place];
  };

  const refresh = async () => {
    if (isBusy()) return;
    let next;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok && answer.status !== 404) throw new Error(answer.statusText);
      next = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      const asOf = document.querySelector(".asof");
      if (asOf) asOf.textContent = "The agent does not answer now. This is what it said before.";
      return;
    }
    if (isBusy()) return;
    const folded = [...document.querySelectorAll("main details")].map((details) => details.open);
    const focused = placeOfFocus();
    for (const part of ["header", "main"]) {
      const [old, fresh] = [document.querySelector(part), next.querySelector(part)];
      if (old && fresh) old.replaceWith(document.adoptNode(fresh));
    }
    document.title = next.title;
    const details = [...document.querySelectorAll("main details")];
    if (details.length === folded.length) details.forEach((one, place) => (one.open = folded[place]));
    addCopyButtons();
    focused?.()?.focus({ preventScroll: true });
  };

  // The answer to "Probe now" is told once.
  if (new URLSearchParams(location.search).has("probed")) history.replaceState(null, "", location.pathname);
  addCopyButtons();
  if (EVERY > 0) setInterval(refresh, EVERY);
})();
