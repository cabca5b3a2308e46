// Figures enlarge, and the contents show where the reader is. Without this script the page is complete.
(() => {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Enlarged figure");
  const close = document.createElement("button");
  close.textContent = "Close";
  document.body.append(dialog);
  dialog.addEventListener("click", () => dialog.close());

  for (const image of document.querySelectorAll("main img")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.setAttribute("aria-label", "Enlarge: " + image.alt);
    image.replaceWith(button);
    button.append(image);
    button.addEventListener("click", () => {
      const large = image.cloneNode();
      large.removeAttribute("style");
      dialog.replaceChildren(large, close);
      dialog.showModal();
    });
  }

  for (const wide of document.querySelectorAll("pre, .equation, math[display=block]")) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;   // so that the keyboard can scroll it
  }

  const loose = document.querySelectorAll(".slide.loose");   // words alone grow where there is room
  const grow = () => {
    for (const slide of loose) {
      for (const factor of [1.35, 1.25, 1.15, 1]) {
        slide.style.setProperty("--grow", factor);
        if (slide.scrollHeight <= innerHeight) break;
      }
    }
  };
  addEventListener("resize", grow);
  grow();

  const details = document.querySelector("#contents details");
  if (details && matchMedia("(max-width: 74.99rem)").matches) details.open = false;
  addEventListener("beforeprint", () => dialog.close());

  const links = new Map([...document.querySelectorAll("#contents a")].map(a => [decodeURIComponent(a.hash.slice(1)), a]));
  const watch = new IntersectionObserver(entries => {
    for (const entry of entries) {
      const link = links.get(entry.target.id);
      if (link && entry.isIntersecting) {
        for (const other of links.values()) other.removeAttribute("aria-current");
        link.setAttribute("aria-current", "true");
      }
    }
  }, { rootMargin: "0px 0px -75% 0px" });
  for (const section of document.querySelectorAll("main section[id]")) watch.observe(section);
})();
