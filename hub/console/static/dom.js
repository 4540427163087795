// Short names for what every module looks up.
export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
export const FIELD = "input,textarea,select,[contenteditable]";

/** The field that has the focus, or null. */
export const fieldInUse = () => document.activeElement?.closest(FIELD);
