// What @odata/client (npm) does with the service: count, filter, order, read by key, create, update, delete. Prints one JSON line.
const { OData } = require('@odata/client');

(async () => {
  const [root, token] = process.argv.slice(2);
  const client = OData.New4({ serviceEndpoint: root, commonHeaders: { 'x-cdata-authtoken': token } });
  const products = client.getEntitySet('products');
  const filter = () => products.newFilter();
  const answer = {};
  answer.count = await products.count();
  answer.counted = await products.count(filter().property('price').gt(27.5));
  answer.named = (await products.query(filter().property('name').eq('Product 08'))).map((row) => row.id);
  answer.top = (await products.query(products.newOptions().orderby('id', 'desc').top(2).select(['id', 'name']))).map((row) => row.id);
  answer.one = (await products.retrieve(7)).price;
  answer.created = (await products.create({ id: 300, name: 'by @odata/client', price: 1.5 })).id;
  await products.update(300, { price: 2.5 });
  answer.updated = (await products.retrieve(300)).price;
  await products.delete(300);
  answer.left = await products.count();
  console.log(JSON.stringify(answer));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
