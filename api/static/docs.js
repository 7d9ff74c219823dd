"use strict";
// Draws openapi.json. Text from it is only ever set as text, never as markup.
const METHODS = ["get", "post", "patch", "put", "delete"];

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function resolve(spec, schema) {
  if (!schema || !schema.$ref) return schema || {};
  return schema.$ref.slice(2).split("/").reduce((here, part) => (here || {})[part], spec) || {};
}

function words(spec, given) {
  const schema = resolve(spec, given);
  if (schema.enum) return schema.enum.filter((value) => value !== null).join(" | ");
  if (schema.anyOf) return [...new Set(schema.anyOf.map((one) => words(spec, one)))].join(" | ");
  const types = [].concat(schema.type || "any").filter((type) => type !== "null");
  const kind = types.join(" | ");
  if (kind === "array") return `list of ${words(spec, schema.items)}`;
  return schema.format ? `${kind} (${schema.format})` : kind;
}

function example(spec, given, depth) {
  const schema = resolve(spec, given);
  if (schema.examples) return schema.examples[0];
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return example(spec, schema.anyOf[0], depth);
  const type = [].concat(schema.type || "object")[0];
  if (type === "array") return depth > 3 ? [] : [example(spec, schema.items, depth + 1)];
  if (type === "object") {
    const shown = Object.entries(schema.properties || {}).slice(0, 60);
    return depth > 3 ? {} : Object.fromEntries(shown.map(([key, value]) => [key, example(spec, value, depth + 1)]));
  }
  const formats = { uuid: "0193…", "date-time": "2026-01-31T09:00:00Z", date: "2026-01-31", email: "anna@company.example" };
  return { integer: 1, number: 1.5, boolean: true }[type] ?? formats[schema.format] ?? "…";
}

function table(rows) {
  return el("table", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, cell || "")))));
}

function block(title, content) {
  return content ? [el("h3", {}, title), content] : [];
}

function inside(spec, operation) {
  const parameters = (operation.parameters || []).map((p) => [
    p.name + (p.required ? " *" : ""), `${p.in}, ${words(spec, p.schema)}`, p.description,
  ]);
  const content = (operation.requestBody || {}).content || {};
  const [type] = Object.keys(content);
  const schema = type && resolve(spec, content[type].schema);
  const fields = Object.entries((schema || {}).properties || {}).map(([name, value]) => [
    name + ((schema.required || []).includes(name) ? " *" : ""), words(spec, value),
    resolve(spec, value).description || resolve(spec, value).title,
  ]);
  const answers = Object.entries(operation.responses || {}).flatMap(([status, answer]) => {
    const found = (((answer.content || {})["application/json"] || {}).schema);
    const shown = found ? el("pre", {}, JSON.stringify(example(spec, found, 0), null, 2)) : null;
    return status === "default" ? [] : [el("h3", {}, `${status} ${answer.description || ""}`), shown];
  });
  return el("div", { class: "inside" },
    operation.description ? el("p", {}, operation.description) : null,
    ...block("Parameters", parameters.length ? table(parameters) : null),
    ...block(`Body: ${type || ""}`, fields.length ? table(fields) : type ? el("p", {}, words(spec, schema)) : null),
    ...answers);
}

function card(spec, path, method, operation) {
  const node = el("details", { class: method, "data-words": `${method} ${path} ${operation.summary || ""}`.toLowerCase() },
    el("summary", {}, el("b", {}, method), el("code", {}, path), el("span", {}, operation.summary || "")));
  node.addEventListener("toggle", () => {
    if (node.open && node.children.length === 1) node.append(inside(spec, operation));
  });
  return node;
}

function draw(spec) {
  document.getElementById("about").textContent = spec.info.description || "";
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const tag = (item[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(card(spec, path, method, item[method]));
    }
  }
  const sections = [...groups].map(([tag, cards]) => el("section", { id: `tag-${tag}` }, el("h2", {}, tag), ...cards));
  document.getElementById("paths").replaceChildren(...sections);
  document.getElementById("tags").replaceChildren(
    ...[...groups.keys()].map((tag) => el("a", { href: `#tag-${tag}` }, tag)));
}

document.getElementById("find").addEventListener("input", (event) => {
  const asked = event.target.value.toLowerCase();
  for (const node of document.querySelectorAll("details")) node.hidden = !node.dataset.words.includes(asked);
  for (const section of document.querySelectorAll("section")) {
    section.hidden = ![...section.querySelectorAll("details")].some((node) => !node.hidden);
  }
});

fetch("openapi.json").then((answer) => answer.json()).then(draw).catch((error) => {
  document.getElementById("paths").textContent = `openapi.json could not be read: ${error}`;
});
