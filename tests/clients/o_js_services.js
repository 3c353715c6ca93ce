// What o.js (npm `odata`) does with Bitbucket's issues and Stripe's customers. Prints one JSON line.
const { o } = require('odata');

(async () => {
  const [root, token] = process.argv.slice(2);
  const headers = { 'x-cdata-authtoken': token, 'Content-Type': 'application/json' };
  const handler = o(root, { headers });
  const pages = async (resource, query) => {
    let page = await (await handler.get(resource).fetch(query)).json();
    const count = page['@odata.count'];
    const rows = [...page.value];
    while (page['@odata.nextLink']) {
      page = await (await o(page['@odata.nextLink'], { headers }).get().fetch()).json();
      rows.push(...page.value);
    }
    return { rows, count };
  };
  const answer = {};
  answer.filtered = (await handler.get('Issues').query({ $filter: "Id eq '1'", $select: 'Id,Title' })).map((r) => r.Id);
  answer.top = (await handler.get('Issues').query({ $orderby: 'Id desc', $top: 2, $select: 'Id' })).map((r) => r.Id);
  const issues = await pages('Issues', { $count: true, $orderby: 'Id', $select: 'Id' });
  answer.count = issues.count;
  answer.ids = issues.rows.map((r) => r.Id);
  const made = await handler.post('Issues', { Title: 'by o.js' }).query();
  answer.created = made.Title;
  await handler.patch(`Issues(${made.Id})`, { State: 'open' }).fetch();
  answer.updated = (await handler.get(`Issues(${made.Id})`).query()).State;
  answer.deleted = (await handler.delete(`Issues(${made.Id})`).fetch()).status;
  answer.customers = (await pages('Customers', { $select: 'Id' })).rows.length;
  const customer = await handler.post('Customers', { Email: 'o@example.com' }).query();
  answer.customer = customer.Email;
  await handler.patch(`Customers('${customer.Id}')`, { Name: 'O' }).fetch();
  answer.renamed = (await handler.get(`Customers('${customer.Id}')`).query()).Name;
  answer.gone = (await handler.delete(`Customers('${customer.Id}')`).fetch()).status;
  console.log(JSON.stringify(answer));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
