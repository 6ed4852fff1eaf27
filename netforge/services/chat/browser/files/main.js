// Ties the connection, the conversations and the page together.

import { Connection } from "./connection.js";
import { Conversations } from "./conversations.js";
import { ask } from "./dialog.js";
import { View } from "./view.js";

const KEPT = "netforge-chat"; // who one is, and where: of this tab, so that loading the page again is no farewell
const element = (id) => document.getElementById(id);
const entry = element("entry").querySelector("form");
const composer = element("composer");
const text = element("text");

let wanted = JSON.parse(sessionStorage.getItem(KEPT) ?? "null"); // the name and the rooms that one wants to have
let isInside = false;
let countdown = 0;

const url = new URL("socket", location);
url.protocol = url.protocol.replace("http", "ws");
const connection = new Connection(url, { state: showState, event: receive });
const view = new View({ choose: turn, meet: (nick) => turn(chat.with(nick)) });
const chat = new Conversations({
  changed: () => view.changed(),
  added: (conversation, line) => view.added(conversation, line),
  watched: () => document.visibilityState === "visible",
});
view.chat = chat;

// Coming and going

entry.addEventListener("submit", (event) => {
  event.preventDefault();
  wanted = { nick: entry.elements.nick.value, rooms: [entry.elements.room.value] };
  element("refusal").textContent = "";
  connection.open();
});

function receive(event) {
  if (event.type === "welcome") {
    chat.me = event.nick;
    arrive();
    return;
  }
  chat.receive(event);
  const isFree = event.type === "left" || (event.type === "renamed" && event.to !== chat.me);
  if (isFree && event.nick === wanted.nick && chat.me !== wanted.nick) connection.ask({ type: "nick", nick: wanted.nick });
}

// There is a connection, perhaps a new one: take the name, and go where one was.
async function arrive() {
  const refusal = (await takeName()) ?? (await joinRooms());
  if (refusal?.lost) return;
  if (refusal) {
    leave(refusal.message);
    return;
  }
  if (!isInside) showChat(true);
  else if (chat.current) chat.note(chat.current, "You are connected again.");
  else turn(chat.rooms[0] ?? null);
  keep();
}

async function takeName() {
  let answer = await connection.ask({ type: "nick", nick: wanted.nick });
  if (answer.type !== "refused") chat.me = wanted.nick;
  // The server may not have noticed yet that the last connection is lost.
  for (let number = 2; isInside && answer.type === "refused" && !answer.lost && number < 10; number++) {
    const nick = `${wanted.nick.slice(0, 17)}_${number}`;
    answer = await connection.ask({ type: "nick", nick });
    if (answer.type !== "refused") {
      chat.me = nick;
      if (chat.current) chat.note(chat.current, `Somebody is called ${wanted.nick}: until they leave you are ${nick}.`);
    }
  }
  return answer.type === "refused" ? answer : null;
}

async function joinRooms() {
  let refusal = null;
  for (const room of wanted.rooms) {
    const answer = await connection.ask({ type: "join", room });
    if (answer.lost) return answer;
    if (answer.type === "refused") {
      refusal = answer;
      if (isInside) inform(answer);
    } else {
      chat.entered(answer);
    }
  }
  return isInside || chat.rooms.length ? null : refusal;
}

function leave(reason = "") {
  connection.close();
  sessionStorage.removeItem(KEPT);
  chat.all.clear();
  turn(null);
  showChat(false);
  element("refusal").textContent = reason;
}

function keep() {
  wanted.rooms = chat.rooms.map((room) => room.name);
  sessionStorage.setItem(KEPT, JSON.stringify(wanted));
  localStorage.setItem(KEPT, wanted.nick);
}

function showChat(shown) {
  isInside = shown;
  element("entry").hidden = shown;
  element("chat").hidden = !shown;
  if (shown) turn(chat.current ?? chat.rooms[0] ?? null);
  else entry.elements.nick.focus();
}

function showState(name, until) {
  element("chat").dataset.state = name;
  composer.querySelector("button").disabled = name !== "open";
  entry.querySelector("button").disabled = name === "connecting";
  clearInterval(countdown);
  const [said, button] = element("state").children;
  const words = { connecting: "Connecting …", waiting: "The connection is lost.", open: "", closed: "" }[name];
  said.textContent = words;
  button.hidden = name !== "waiting";
  element("self").querySelector(".hint").textContent = name === "open" ? "connected" : "offline";
  if (name !== "waiting") return;
  const tell = () => (button.textContent = `Try now (${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s)`);
  countdown = setInterval(tell, 1000);
  tell();
  if (!isInside) {
    connection.close();
    element("refusal").textContent = "The server cannot be reached. Try again in a moment.";
  }
}

element("state").querySelector("button").addEventListener("click", () => connection.hurry());
element("quit").addEventListener("click", () => connection.ask({ type: "quit" }).finally(() => leave()));

// Conversations

function turn(conversation) {
  if (chat.current) chat.current.draft = text.value;
  const fresh = conversation?.unread ?? 0;
  chat.turn(conversation);
  view.turn(conversation, fresh);
  text.value = conversation?.draft ?? "";
  text.disabled = !conversation;
  open("");
  // On a phone that would bring up the keyboard.
  if (conversation && matchMedia("(pointer: fine)").matches) text.focus();
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") chat.seen();
});

async function join(name) {
  const known = chat.room(name);
  const answer = known ? null : await connection.ask({ type: "join", room: name });
  if (answer?.type === "refused") return answer.message;
  turn(known ?? chat.entered(answer));
  keep();
  return null;
}

async function part(conversation) {
  if (!conversation.isPrivate) {
    const answer = await connection.ask({ type: "part", room: conversation.name });
    if (answer.type === "refused") return answer.message;
  }
  chat.remove(conversation);
  if (!chat.current) turn(chat.rooms[0] ?? [...chat.all.values()][0] ?? null);
  keep();
  return null;
}

async function rename(nick) {
  const answer = await connection.ask({ type: "nick", nick });
  if (answer.type === "refused") return answer.message;
  wanted.nick = nick;
  keep();
  return null;
}

async function change(topic) {
  const answer = await connection.ask({ type: "topic", room: chat.current.name, topic });
  return answer.type === "refused" ? answer.message : null;
}

element("join").addEventListener("click", async () => {
  const asked = ask({ title: "Join a room", label: "Its name; a new one is made", most: 32, action: "Join", accept: join });
  const answer = await connection.ask({ type: "rooms" });
  const others = Object.entries(answer.rooms ?? {}).filter(([name]) => !chat.room(name));
  asked.offer(others.map(([name, members]) => [name, `${members} here`]));
});
element("self").addEventListener("click", () =>
  ask({ title: "Change your name", label: "Name", value: chat.me, most: 20, action: "Change", accept: rename }),
);
element("topic").addEventListener("click", () =>
  ask({ title: "Change the topic", label: "Topic", value: chat.current.topic, most: 1024, action: "Change", accept: change }),
);
element("part").addEventListener("click", async () => complain(await part(chat.current)));

// What is said

const COMMANDS = {
  join: (rest) => join(rest.replace(/^#/, "")),
  part: () => part(chat.current),
  nick: rename,
  topic: change,
  me: (rest) => said({ type: "act", room: chat.current.name, text: rest }),
  msg: async (rest) => {
    const [, to, words] = /^(\S+)\s+(.+)$/.exec(rest) ?? [];
    return to ? said({ type: "tell", to, text: words }) : "Type /msg NAME TEXT";
  },
};

async function said(request) {
  const answer = await connection.ask(request);
  return answer.type === "refused" ? answer.message : null;
}

function say(words) {
  const [, command, rest] = /^\/(\w+)\s*(.*)$/.exec(words) ?? [];
  if (command) {
    const obey = COMMANDS[command.toLowerCase()];
    return obey ? obey(rest) : `There is no command /${command}; there are /${Object.keys(COMMANDS).join(", /")}.`;
  }
  const plain = words.replace(/^\/\//, "/");
  const { isPrivate, name } = chat.current;
  return said(isPrivate ? { type: "tell", to: name, text: plain } : { type: "say", room: name, text: plain });
}

composer.addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = text.value.replace(/\s*\n\s*/g, " ").trim();
  if (!words || element("chat").dataset.state !== "open") return;
  const conversation = chat.current;
  text.value = "";
  const problem = await say(words);
  complain(problem, conversation);
  // It is not lost, unless there is something else by now.
  if (problem && chat.current === conversation && !text.value) text.value = words;
});

text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  composer.requestSubmit();
});

function complain(problem, conversation = chat.current) {
  if (problem && conversation) chat.note(conversation, problem, "problem");
}

const inform = (answer) => complain(answer.message);

// The parts of the page that a small one has no place for

function open(panel) {
  const before = element("chat").dataset.panel;
  element("chat").dataset.panel = panel;
  for (const name of ["places", "people"]) element(`show-${name}`).ariaExpanded = String(panel === name);
  if (panel) element(panel).querySelector(".close").focus();
  else if (before) element(`show-${before}`).focus();
}

for (const name of ["places", "people"]) element(`show-${name}`).addEventListener("click", () => open(name));
for (const one of document.querySelectorAll(".close, #shade")) one.addEventListener("click", () => open(""));

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && element("chat").dataset.panel) open("");
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const all = [...chat.rooms, ...[...chat.all.values()].filter((one) => one.isPrivate)];
  if (!event.altKey || !step || !all.length) return;
  event.preventDefault();
  turn(all.at((all.indexOf(chat.current) + step) % all.length));
});

entry.elements.nick.value = wanted?.nick ?? localStorage.getItem(KEPT) ?? "";
if (wanted) {
  showChat(true);
  connection.open();
} else {
  showChat(false);
}
