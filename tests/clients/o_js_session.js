// What o.js (npm `odata`) does with the service: read, page, filter, create, update, delete. Prints one JSON line.
const { o } = require('odata');

(async () => {
  const [root, token] = process.argv.slice(2);
  const handler = o(root, { headers: { 'x-cdata-authtoken': token, 'Content-Type': 'application/json' } });
  const answer = {};
  answer.filtered = (await handler.get('products').query({ $filter: "contains(name,'注文') and price gt 1", $select: 'id,name' })).map((r) => r.id);
  answer.top = (await handler.get('products').query({ $orderby: 'id desc', $top: 2 })).map((r) => r.id);
  let page = await (await handler.get('products').fetch({ $count: true })).json();
  answer.count = page['@odata.count'];
  answer.ids = page.value.map((r) => r.id);
  while (page['@odata.nextLink']) {
    page = await (await o(page['@odata.nextLink'], { headers: { 'x-cdata-authtoken': token } }).get().fetch()).json();
    answer.ids.push(...page.value.map((r) => r.id));
  }
  answer.created = (await handler.post('products', { id: 200, name: 'by o.js', price: 1.5 }).query()).id;
  answer.updated = (await (await handler.patch('products(200)', { price: 2.5 }).fetch()).status);
  answer.one = (await handler.get('products(200)').query()).price;
  answer.deleted = (await handler.delete('products(200)').fetch()).status;
  console.log(JSON.stringify(answer));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
