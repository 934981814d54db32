// Has the bank answered? The page asks quietly, and is loaded anew only when there is something to read.
'use strict';
const waits = document.querySelector('[data-again]');
if (waits) {
  let left = Number(waits.dataset.looks);
  const look = async () => {
    left -= 1;
    try {
      const answer = await fetch(waits.dataset.again, { credentials: 'same-origin' });
      const page = answer.ok ? await answer.text() : 'data-again';
      if (!page.includes('data-again')) {
        location.replace(answer.url);
        return;
      }
    } catch {
      // No network for a moment: the next look may have one.
    }
    if (left > 0) setTimeout(look, waits.dataset.pause * 1000);
  };
  setTimeout(look, waits.dataset.pause * 1000);
}
