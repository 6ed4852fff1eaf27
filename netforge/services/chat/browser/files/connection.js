// A WebSocket that comes back by itself. Every request has one answer, which bears its number.

const FIRST_DELAY = 500, LAST_DELAY = 30_000; // ms between attempts
const PATIENCE = 10_000; // ms for an answer, and for a connection; then this one is lost
const BEAT = 25_000; // ms without a word until the server is asked for one

export class Connection {
  #url;
  #socket = null;
  #number = 0;
  #asked = new Map();
  #delay = FIRST_DELAY;
  #timer = 0;
  #beat = 0;

  // `state(name, at)` is told "connecting", "open", "waiting" until a time, and "closed"; `event(event)` whatever happens.
  constructor(url, { state, event }) {
    this.#url = url;
    this.state = state;
    this.event = event;
    addEventListener("online", () => this.hurry());
  }

  open() {
    this.#delay = FIRST_DELAY;
    this.#connect();
  }

  // Do not wait for the next attempt.
  hurry() {
    if (this.#timer && !this.#socket) this.open();
  }

  close() {
    this.#forget();
    this.state("closed");
  }

  // What is answered; a "refused" if there is no connection, or none any more.
  ask(request) {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.resolve(lost());
    const id = ++this.#number;
    return new Promise((answer) => {
      const timer = setTimeout(() => this.#lose(socket), PATIENCE);
      this.#asked.set(id, (message) => {
        clearTimeout(timer);
        answer(message);
      });
      socket.send(JSON.stringify({ ...request, id }));
    });
  }

  #connect() {
    this.#forget();
    this.state("connecting");
    const socket = (this.#socket = new WebSocket(this.#url));
    this.#timer = setTimeout(() => this.#lose(socket), PATIENCE);
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => this.#lose(socket);
    socket.onopen = () => {
      clearTimeout(this.#timer);
      this.#timer = 0;
      this.#beat = setInterval(() => this.ask({ type: "rooms" }), BEAT);
    };
  }

  #receive(message) {
    const { id, ...rest } = message;
    if (id === undefined) {
      if (rest.type === "welcome") {
        this.#delay = FIRST_DELAY;
        this.state("open");
      }
      this.event(rest);
    } else {
      const answer = this.#asked.get(id);
      this.#asked.delete(id);
      answer?.(rest);
    }
  }

  #lose(socket) {
    if (socket !== this.#socket) return;
    this.#forget();
    // Not all at once: a server that comes back has many guests.
    const delay = this.#delay * (0.75 + Math.random() / 2);
    this.#delay = Math.min(this.#delay * 2, LAST_DELAY);
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.state("waiting", Date.now() + delay);
  }

  #forget() {
    clearTimeout(this.#timer);
    clearInterval(this.#beat);
    this.#timer = 0;
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onclose = socket.onmessage = null;
      socket.close();
    }
    for (const answer of this.#asked.values()) answer(lost());
    this.#asked.clear();
  }
}

function lost() {
  return { type: "refused", message: "There is no connection to the server just now.", lost: true };
}
