// The contract, shown. Everything comes from /api/support/openapi.json; the token stays in this page.
'use strict';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const byId = (id) => document.getElementById(id);
let contract;

/** An element: what is a string or a number becomes text, never markup. */
function make(tag, members = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(members)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

/** Words in backquotes are code. */
function prose(text) {
  return (text || '').split('`').map((part, i) => (i % 2 ? make('code', {}, part) : part));
}

function resolve(part) {
  if (!part || !part.$ref) return part;
  const found = part.$ref.slice(2).split('/').reduce((at, name) => at && at[name.replace(/~1/g, '/').replace(/~0/g, '~')], contract);
  return found || {};
}

const nameOf = (schema) => (schema && schema.$ref ? schema.$ref.split('/').pop() : null);

/** Members of an object, those of all its parts. */
function members(schema) {
  const found = resolve(schema) || {};
  const all = Object.entries(found.properties || {}).map(([name, member]) => ({ name, member, required: (found.required || []).includes(name) }));
  for (const part of found.allOf || []) all.push(...members(part));
  return all;
}

function typeOf(schema) {
  if (!schema) return 'any';
  if (schema.$ref) return nameOf(schema);
  const any = schema.oneOf || schema.anyOf;
  if (any) return any.map(typeOf).join(' | ');
  const types = [schema.type].flat().filter(Boolean);
  const named = types.map((type) => (type === 'array' ? `${typeOf(schema.items)}[]` : type));
  return (named.join(' | ') || 'any') + (schema.format ? ` · ${schema.format}` : '');
}

/** What an example says, or one made of the members' own. */
function sample(schema, depth = 0) {
  const found = resolve(schema) || {};
  if (found.example !== undefined) return found.example;
  if (found.examples && found.examples.length) return found.examples[0];
  if (found.enum) return found.enum[0];
  const any = found.oneOf || found.anyOf;
  if (any) return sample(any.find((one) => one.type !== 'null'), depth);
  const type = [found.type].flat().find((one) => one !== 'null');
  if (type === 'array') return depth > 4 ? [] : [sample(found.items, depth + 1)];
  if (found.properties || found.allOf) {
    return depth > 4 ? {} : Object.fromEntries(members(found).map(({ name, member }) => [name, sample(member, depth + 1)]));
  }
  if (type === 'integer' || type === 'number') return found.default ?? found.minimum ?? 1;
  if (type === 'boolean') return found.default ?? false;
  if (type === 'object') return {};
  if (found.format === 'uuid') return '019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b';
  return found.default ?? '';
}

function sampleBody(operation) {
  const media = operation.requestBody?.content?.['application/json'];
  if (!media) return null;
  const found = resolve(media.schema);
  if (found.example) return found.example;
  const shown = members(found).filter(({ member, required }) => required || member.example !== undefined || member.examples);
  return Object.fromEntries(shown.map(({ name, member }) => [name, sample(member)]));
}

function schemaTable(schema) {
  const rows = members(schema);
  if (!rows.length) return make('p', { class: 'quiet' }, typeOf(schema));
  return make('table', {}, rows.map(({ name, member, required }) => make('tr', {},
    make('td', {}, make('code', {}, name), required ? make('span', { class: 'must' }, ' *') : null),
    make('td', {}, schemaName(member)),
    make('td', {}, prose(member.description || resolve(member).description), words(member)))));
}

function words(member) {
  const found = resolve(member) || {};
  const all = found.enum || found['x-extensible-enum'];
  if (!all) return null;
  return make('div', { class: 'quiet' }, all.slice(0, 40).flatMap((word) => [make('code', {}, String(word)), ' ']));
}

/** A type; what has members of its own can be opened. */
function schemaName(member) {
  const target = [member, ...(member.oneOf || member.anyOf || []), member.items].find((one) => one && one.$ref && members(one).length);
  if (!target) return typeOf(member);
  const box = make('details', {}, make('summary', {}, typeOf(member)));
  box.addEventListener('toggle', () => { if (box.open && box.children.length === 1) box.append(make('div', { class: 'member' }, schemaTable(target))); });
  return box;
}

function parameterTable(parameters) {
  return make('table', {}, parameters.map((one) => make('tr', {},
    make('td', {}, make('code', {}, one.name), one.required ? make('span', { class: 'must' }, ' *') : null),
    make('td', {}, `${one.in} · ${typeOf(one.schema)}`),
    make('td', {}, prose(one.description), one.example !== undefined ? make('span', { class: 'quiet' }, ' ', make('code', {}, String(one.example))) : null))));
}

const quote = (text) => `'${text.replace(/'/g, "'\\''")}'`;

function curl(method, path, operation, body) {
  const lines = [`curl ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}${quote(location.origin + path)}`];
  if ((operation.security || []).length) lines.push('-H "Authorization: Bearer $TOKEN"');
  const kinds = Object.keys(operation.requestBody?.content || {});
  if (body != null) lines.push("-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(body))}`);
  else if (kinds.length) lines.push(`-H 'Content-Type: ${kinds[0]}'`, '--data-binary @file');
  return lines.join(' \\\n  ');
}

function copyable(text) {
  const button = make('button', { type: 'button', onclick: () => navigator.clipboard.writeText(text).then(() => { button.textContent = 'Copied'; }) }, 'Copy');
  return make('div', {}, make('pre', {}, make('code', {}, text)), button);
}

function responses(operation) {
  return Object.entries(operation.responses).sort().map(([status, response]) => {
    const found = resolve(response);
    const content = Object.entries(found.content || {});
    const head = [make('span', { class: 'status' }, status), ...prose(found.description)];
    if (!content.length) return make('div', { class: 'response' }, head);
    const box = make('details', { class: 'response' }, make('summary', {}, head));
    box.addEventListener('toggle', () => {
      if (!box.open || box.children.length > 1) return;
      for (const [kind, media] of content) {
        box.append(make('p', { class: 'quiet' }, kind));
        if (kind.endsWith('json')) box.append(schemaTable(media.schema), make('pre', {}, make('code', {}, JSON.stringify(sample(media.schema), null, 2))));
      }
    });
    return box;
  });
}

/** A form that makes the call from this page. */
function tryIt(method, path, parameters, body) {
  const fields = parameters.filter((one) => one.in !== 'header');
  const inputs = fields.map((one) => ({ one, input: make('input', { placeholder: one.example ?? '', 'aria-label': one.name }) }));
  const text = body == null ? null : make('textarea', { spellcheck: 'false', 'aria-label': 'Body' });
  if (text) text.value = JSON.stringify(body, null, 2);
  const out = make('pre', { hidden: true }, make('code', {}));
  const said = make('span', { class: 'quiet', role: 'status' });
  const send = async () => {
    let target = path;
    const query = new URLSearchParams();
    for (const { one, input } of inputs) {
      if (one.in === 'path') target = target.replace(`{${one.name}}`, encodeURIComponent(input.value || input.placeholder));
      else if (input.value) query.set(one.name, input.value);
    }
    const headers = { Accept: 'application/json, */*' };
    if (byId('token').value) headers.Authorization = `Bearer ${byId('token').value.trim()}`;
    if (text) headers['Content-Type'] = 'application/json';
    const began = performance.now();
    try {
      const answer = await fetch(target + (query.size ? `?${query}` : ''), { method: method.toUpperCase(), headers, body: text ? text.value : undefined });
      const raw = await answer.text();
      said.textContent = `${answer.status} ${answer.statusText} · ${Math.round(performance.now() - began)} ms`;
      let shown = raw;
      try { shown = JSON.stringify(JSON.parse(raw), null, 2); } catch { /* not JSON: as it came */ }
      out.firstChild.textContent = shown.slice(0, 200_000) || '(no body)';
    } catch (error) {
      said.textContent = 'No answer';
      out.firstChild.textContent = String(error);
    }
    out.hidden = false;
  };
  return make('div', { class: 'try' },
    inputs.map(({ one, input }) => make('label', {}, make('code', {}, one.name), input)), text,
    make('div', { class: 'row' }, make('button', { type: 'button', class: 'act', onclick: send }, 'Send'), said), out);
}

function about(schema) {
  const said = resolve(schema)?.description;
  return said ? make('p', { class: 'quiet' }, prose(said)) : null;
}

function scopesOf(operation) {
  const needs = operation.security || [];
  if (!needs.length) return 'Open to everybody.';
  const scopes = needs.flatMap((one) => one.token || []);
  const open = needs.some((one) => !Object.keys(one).length);
  return `${scopes.length ? `Needs \`${scopes.join('`, `')}\`` : 'Needs a token'}${open ? ', or nothing where the desk is open to anybody' : ''}.`;
}

function inside(method, path, operation) {
  const parameters = (operation.parameters || []).map(resolve);
  const body = sampleBody(operation);
  const media = operation.requestBody?.content?.['application/json'];
  const streams = Boolean(operation.responses['200']?.content?.['text/event-stream']);
  return make('div', { class: 'inside' },
    operation.description ? make('p', {}, prose(operation.description)) : null,
    make('p', { class: 'quiet' }, prose(scopesOf(operation))),
    parameters.length ? [make('h3', {}, 'Parameters'), parameterTable(parameters)] : null,
    media ? [make('h3', {}, 'Body'), about(media.schema), schemaTable(media.schema)] : null,
    make('h3', {}, 'Example'), copyable(curl(method, path, operation, body)),
    make('h3', {}, 'Answers'), responses(operation),
    streams ? null : [make('h3', {}, 'Try it'), tryIt(method, path, parameters, body)]);
}

function article(method, path, operation) {
  const box = make('details', {}, make('summary', {},
    make('span', { class: `method ${method}` }, method.toUpperCase()), make('code', {}, path), make('span', {}, operation.summary)));
  box.addEventListener('toggle', () => { if (box.open && box.children.length === 1) box.append(path in contract.webhooks ? told(operation) : inside(method, path, operation)); });
  return make('article', { id: operation.operationId }, box);
}

/** What this desk sends to others: there is nothing to try. */
function told(operation) {
  const media = operation.requestBody.content['application/json'];
  return make('div', { class: 'inside' }, make('p', {}, prose(operation.description)),
    make('h3', {}, 'Headers'), parameterTable(operation.parameters), make('h3', {}, 'Body'), schemaTable(media.schema),
    make('h3', {}, 'Answers'), responses(operation));
}

function operations() {
  const all = (items) => Object.entries(items).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ method, path, operation: item[method] })));
  return [...all(contract.paths), ...all(contract.webhooks)];
}

function show() {
  const main = byId('main');
  const contents = byId('contents');
  main.replaceChildren(
    make('p', { class: 'lead' }, prose(contract.info.description)),
    make('p', { class: 'quiet' }, `Version ${contract.info.version}, OpenAPI ${contract.openapi}. For programs: `,
      make('a', { href: '/api/support/openapi.json' }, 'OpenAPI 3.1'), ', ', make('a', { href: '/api/support/openapi-3.0.json' }, 'OpenAPI 3.0'), ', ',
      make('a', { href: '/api/support/postman.json' }, 'Postman'), '. Errors: ', make('a', { href: '/api/support/problems' }, 'every code'), '.'));
  contents.replaceChildren();
  const all = operations();
  for (const tag of contract.tags) {
    const own = all.filter(({ operation }) => operation.tags.includes(tag.name));
    if (!own.length) continue;
    contents.append(make('section', {}, make('h2', {}, tag.name), own.map(({ method, path, operation }) =>
      make('a', { href: `#${operation.operationId}`, title: `${method.toUpperCase()} ${path}` },
        make('span', { class: `method ${method}` }, method.toUpperCase()), make('span', {}, operation.summary)))));
    main.append(make('h2', { id: tag.name }, tag.name), make('p', { class: 'quiet' }, prose(tag.description)),
      ...own.map(({ method, path, operation }) => article(method, path, operation)));
  }
  follow();
}

/** Opens what the address names. */
function follow() {
  const target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
  const box = target && target.querySelector(':scope > details');
  if (box) box.open = true;
  if (target) target.scrollIntoView();
}

byId('find').addEventListener('input', (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const section of byId('contents').children) {
    for (const link of section.querySelectorAll('a')) link.hidden = !`${link.title} ${link.textContent}`.toLowerCase().includes(wanted);
    section.hidden = !section.querySelector('a:not([hidden])');
  }
});
addEventListener('hashchange', follow);
fetch('/api/support/openapi.json')
  .then((answer) => answer.json())
  .then((document) => { contract = document; show(); })
  .catch((error) => byId('main').replaceChildren(make('p', {}, `The contract can't be read: ${error}`)));
