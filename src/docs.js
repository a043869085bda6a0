// Shows the OpenAPI document: no library, no other host.
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const named = (reference) => reference.split('/').pop();
const shape = (schema) => {
  if (!schema) return '';
  if (schema.$ref) return named(schema.$ref);
  if (schema.type === 'array') return `${shape(schema.items)}[]`;
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives) return alternatives.map(shape).join(' | ');
  return [schema.type].flat().join(' | ');
};
const table = (rows) => make('table', {}, ...rows.map((cells) => make('tr', {}, ...cells.map((cell) => make('td', {}, cell ?? '')))));
const operation = (path, method, described) => {
  const body = make('div', { className: 'body' });
  if (described.description) body.append(make('p', { textContent: described.description }));
  const parameters = described.parameters ?? [];
  if (parameters.length) body.append(make('h3', { textContent: 'Parameters' }), table(parameters.map((p) => [make('code', { textContent: p.name }), `${p.in}${p.required ? '' : ', optional'}`, p.description])));
  for (const [type, content] of Object.entries(described.requestBody?.content ?? {})) {
    body.append(make('h3', { textContent: 'Body' }), make('p', {}, make('code', { textContent: `${type}: ${shape(content.schema)}` })));
    if (content.example) body.append(make('pre', { textContent: JSON.stringify(content.example, null, 2) }));
  }
  const answers = Object.entries(described.responses ?? {}).map(([status, answer]) => [make('code', { textContent: status }), answer.description, Object.values(answer.content ?? {}).map((c) => shape(c.schema)).join(', ')]);
  body.append(make('h3', { textContent: 'Answers' }), table(answers));
  return make('details', {}, make('summary', {}, make('span', { className: 'method', textContent: method }), make('code', { textContent: path }), make('span', { className: 'muted', textContent: described.summary ?? '' })), body);
};
const schemas = (components) => Object.entries(components).map(([name, schema]) => {
  const rows = Object.entries(schema.properties ?? {}).map(([field, of]) => [make('code', { textContent: field }), shape(of), of.description]);
  return make('details', { id: name }, make('summary', {}, make('code', { textContent: name }), make('span', { className: 'muted', textContent: schema.description ?? '' })), make('div', { className: 'body' }, table(rows)));
});
const show = (api) => {
  document.getElementById('title').textContent = `${api.info.title} API ${api.info.version}`;
  document.getElementById('about').textContent = api.info.description ?? '';
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const [method, described] of Object.entries(item)) {
      if (!described.responses) continue;
      const tag = described.tags?.[0] ?? 'other';
      groups.set(tag, [...(groups.get(tag) ?? []), operation(path, method, described)]);
    }
  }
  const sections = [...groups].map(([tag, operations]) => make('section', {}, make('h2', { textContent: tag }), ...operations));
  sections.push(make('section', {}, make('h2', { textContent: 'Shapes' }), ...schemas(api.components?.schemas ?? {})));
  document.getElementById('operations').replaceChildren(...sections);
};
document.getElementById('find').addEventListener('input', ({ target }) => {
  for (const details of document.querySelectorAll('details')) details.hidden = !details.textContent.toLowerCase().includes(target.value.toLowerCase());
});
fetch('/v1/openapi.json')
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
  .then(show)
  .catch((error) => document.getElementById('operations').replaceChildren(make('p', { role: 'alert', textContent: `The document cannot be loaded: ${error.message}. Reload to try again.` })));
