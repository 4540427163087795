// Ages and countdowns that tick in the page, in the page's language. The same units as hub/console/words.py.
import { now } from "./clock.js";

const vi = document.documentElement.lang === "vi";
const unit = vi ? { s: " giây", min: " phút", h: " giờ", d: " ngày" } : { s: " s", min: " min", h: " h", d: " d" };
const zone = new Intl.DateTimeFormat("vi-VN", { timeZone: "Asia/Ho_Chi_Minh", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

export const format = {
  clock: (seconds) => zone.format(new Date(seconds * 1000)),
  age(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60) return s + unit.s;
    if (s < 3600) return Math.floor(s / 60) + unit.min;
    const h = Math.floor(s / 3600), m = Math.floor((s % 3600) / 60);
    if (h < 24) return h + unit.h + (m ? ` ${m}${unit.min}` : "");
    return Math.floor(h / 24) + unit.d + (h % 24 ? ` ${h % 24}${unit.h}` : "");
  },
};

export function ages() {
  const at = now();
  for (const time of document.querySelectorAll("time[data-s],time[data-until]")) {
    const text = format.age(time.dataset.s ? at - time.dataset.s : time.dataset.until - at);
    if (time.textContent !== text) time.textContent = text;
  }
}
