// Asks for one thing.

const dialog = document.getElementById("ask");
const form = dialog.querySelector("form");
const [cancel, go] = form.querySelectorAll(".buttons button");
const choices = form.querySelector(".choices");
const problem = form.querySelector(".problem");

cancel.addEventListener("click", () => dialog.close());

// `accept(value)` returns what is wrong with it, or nothing. The choices are values, each with a hint.
export function ask({ title, label, value = "", most, action, accept, found = [] }) {
  dialog.querySelector("h2").textContent = title;
  form.querySelector("label span").textContent = label;
  const input = form.elements.value;
  input.value = value;
  input.maxLength = most;
  problem.textContent = "";
  go.textContent = action;
  const choose = async (chosen) => {
    problem.textContent = (await accept(chosen)) ?? "";
    if (!problem.textContent) dialog.close();
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    choose(input.value.trim());
  };
  offer(found, choose);
  dialog.showModal();
  input.select();
  return { offer: (more) => offer(more, choose) };
}

function offer(found, choose) {
  choices.replaceChildren(
    ...found.map(([name, hint]) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const aside = document.createElement("span");
      button.type = "button";
      button.textContent = name;
      aside.className = "hint";
      aside.textContent = hint;
      button.append(aside);
      button.onclick = () => choose(name);
      item.append(button);
      return item;
    }),
  );
}
