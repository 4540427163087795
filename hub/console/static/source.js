// One event stream and the picture that it has given so far, which whoever joins later is told at once. Runs in the worker that
// all tabs share, or in the page where there is none.
export class Source {
  #tell;
  #stream = null;
  #picture = null;
  #at = 0;
  #turn = 0;

  /** `tell` gets what is said: {kind: hello, patch, bye or refused, turn, ...}. A turn is one opening of the stream. */
  constructor(tell) {
    this.#tell = tell;
  }

  /** What somebody hears who joins now: how long ago the picture was told, in seconds, so that it is not taken for news. */
  joined() {
    const late = (performance.now() - this.#at) / 1000;
    return this.#picture ? { kind: "hello", turn: this.#turn, patch: this.#picture, late } : { kind: "wait", turn: this.#turn };
  }

  /** Open the stream unless it is; with the turn that fell silent, open it anew. One of many who ask for that is enough. */
  open(silent = null) {
    if (this.#stream && silent !== this.#turn) return;
    this.close();
    this.#turn += 1;
    this.#tell({ kind: "wait", turn: this.#turn });
    const stream = (this.#stream = new EventSource("/api/stream"));
    const on = (name, act) => stream.addEventListener(name, (event) => stream === this.#stream && act(event));
    on("hello", (event) => this.#hear("hello", JSON.parse(event.data)));
    on("patch", (event) => this.#hear("patch", JSON.parse(event.data)));
    on("bye", () => { this.close(); this.#tell({ kind: "bye" }); });
    on("full", () => this.#refused());
    on("error", () => stream.readyState === EventSource.CLOSED && this.#refused());
  }

  close() {
    this.#stream?.close();
    this.#stream = this.#picture = null;
  }

  #hear(kind, patch) {
    const { rooms, incidents, refresh, ...top } = patch;
    const tiles = kind === "hello" ? patch.tiles : { ...this.#picture?.tiles, ...patch.tiles };
    this.#picture = { ...this.#picture, ...top, tiles };
    this.#at = performance.now();
    this.#tell({ kind, turn: this.#turn, patch, late: 0 });
  }

  // A browser does not tell why a stream was refused, so it is asked.
  async #refused() {
    this.#stream.close();
    const turn = this.#turn;
    const answer = await fetch("/api/stream?why=1", { headers: { accept: "application/json" } }).catch(() => null);
    const told = answer?.status === 429 ? await answer.json().catch(() => ({})) : {};
    if (turn === this.#turn) this.#tell(answer?.status === 401 ? { kind: "bye" } : { kind: "refused", turn, why: told.error || "" });
  }
}
