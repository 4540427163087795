// A request whose answer never comes (sleep, another Wi-Fi) must not be waited for for ever.
const PATIENCE_MS = 15000;
const LEFT_MS = 20000;

let leaving = false;
addEventListener("beforeunload", () => (leaving = true));

/** The session is over: load the page anew, which asks for a name. Not while it is being left: what comes may have ended the
 *  session itself and be shown this once, as the recovery codes are. */
export const signedOut = () => setTimeout(() => location.reload(), leaving ? LEFT_MS : 0);

/** The answer with its text read, or null when none came. */
export async function ask(url, options = {}) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS), ...options });
    return { ok: answer.ok && !answer.redirected, status: answer.status, text: await answer.text() };
  } catch {
    return null;
  }
}

export const askPage = (url) => ask(url, { headers: { accept: "text/html" } });
export const parse = (text) => new DOMParser().parseFromString(text, "text/html");
