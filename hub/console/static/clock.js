// The server's time, carried on by a clock that nobody can set: neither a wrong clock on the desk nor one that is set while
// the page is open makes data look older or fresher than they are.
const mono = () => performance.now() / 1000;
let ahead = Number(document.body.dataset.now) - mono();

/** Unix seconds as the server counts them. */
export const now = () => mono() + ahead;
export const setNow = (seconds) => (ahead = seconds - mono());
