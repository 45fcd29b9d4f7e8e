"use strict";
// The server makes the page. This puts into place what it makes again, and changes nothing that has not changed, so that a
// selection, the focus and what is scrolled to stay.

function morph(old, made) {
  if (old.isEqualNode(made)) return;
  if (old.nodeName !== made.nodeName || old.id !== made.id) {
    old.replaceWith(made);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = made.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!made.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...made.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const olds = [...old.childNodes];
  const mades = [...made.childNodes];
  mades.forEach((child, i) => (i < olds.length ? morph(olds[i], child) : old.append(child)));
  olds.slice(mades.length).forEach((child) => child.remove());
}

const connection = document.getElementById("connection");
const events = new EventSource("/events");
events.onopen = () => { connection.hidden = true; };
events.onerror = () => {
  connection.hidden = false;
  // A browser does not try again by itself when the server refused.
  if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 10_000);
};
events.addEventListener("fragment", ({ data }) => {
  const made = new DOMParser().parseFromString(data, "text/html").body.firstElementChild;
  const old = document.getElementById(made.id);
  if (old) morph(old, made);
});

// Of a digest 12 digits are shown, and all of it is copied.
document.addEventListener("copy", (event) => {
  const { anchorNode, focusNode } = getSelection();
  const from = anchorNode?.parentElement?.closest("[data-copy]") ?? anchorNode?.closest?.("[data-copy]");
  if (from && from.contains(focusNode)) {
    event.clipboardData.setData("text/plain", from.dataset.copy);
    event.preventDefault();
  }
});
