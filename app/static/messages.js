// Which sentence begins the answer? Without this script the clerk copies it.
'use strict';
for (const button of document.querySelectorAll('[data-canned]')) {
  button.hidden = false;
  button.addEventListener('click', () => {
    const text = document.querySelector('textarea[name="text"]');
    text.value = text.value ? `${text.value}\n\n${button.dataset.canned}` : button.dataset.canned;
    text.focus();
  });
}
