// What a page may do better with a script; all of it works without.
(() => {
  const each = (selector, act) => document.querySelectorAll(selector).forEach(act);

  each("[data-reveal]", (button) => {
    const input = document.getElementById(button.dataset.reveal);
    const words = [[button.textContent, button.getAttribute("aria-label")], [button.dataset.hide, button.dataset.hideLabel]];
    button.hidden = false;
    button.addEventListener("click", () => {
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      [button.textContent] = words[+shown];
      button.setAttribute("aria-label", words[+shown][1]);
      input.focus();
    });
    // A password left visible would be offered by the browser as an ordinary entry next time.
    input.form?.addEventListener("submit", () => { input.type = "password"; });
  });

  each("[data-print]", (button) => {
    button.hidden = false;
    button.addEventListener("click", () => print());
  });

  each("[data-focus]", (place) => place.focus());

  // A live region is read only when it changes after loading.
  each("[data-announce]", (said) => setTimeout(() => { document.getElementById("announce").textContent = said.innerText; }, 200));

  // Photographs from phones weigh 5 MB: shrink them before they cross a bad network.
  const draw = (image, ratio) => {
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(image.width * ratio);
    canvas.height = Math.round(image.height * ratio);
    const pen = canvas.getContext("2d");
    // JPEG has no transparency: a scan in PNG would turn black.
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
  };
  const shrink = async (file, edge) => {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const ratio = Math.min(1, edge / Math.max(image.width, image.height));
    if (ratio === 1 && file.size < 400000) return file;
    const blob = await new Promise((done) => draw(image, ratio).toBlob(done, "image/jpeg", 0.85));
    return blob?.size < file.size ? new File([blob], file.name.replace(/\.\w+$/, "") + ".jpg", { type: "image/jpeg" }) : file;
  };
  each("input[type=file][data-resize]", (input) => input.addEventListener("change", async () => {
    input.parentNode.querySelector(".preview")?.remove();
    if (!input.files.length) return;
    const box = new DataTransfer();
    for (const file of input.files) box.items.add(/^image\//.test(file.type) ? await shrink(file, +input.dataset.resize || 1600).catch(() => file) : file);
    input.files = box.files;
    // Drawn, not linked: the policy of the page allows no blob: nor data: image.
    const image = await createImageBitmap(box.files[0]).catch(() => null);
    if (!image) return;
    const picture = draw(image, Math.min(1, 320 / Math.max(image.width, image.height)));
    picture.className = "preview";
    picture.setAttribute("aria-hidden", "true");
    input.after(picture);
  }));

  let changed = false;
  each("form[data-warn]", (form) => form.addEventListener("input", () => { changed = true; }));
  addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm || event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
    else changed = false;
  });

  // The phone's "More" sheet closes as a menu does.
  each(".dock details", (menu) => {
    const close = (event) => { if (!menu.contains(event.target)) menu.open = false; };
    document.addEventListener("click", close);
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && menu.open) { menu.open = false; menu.querySelector("summary").focus(); }
    });
  });
})();
