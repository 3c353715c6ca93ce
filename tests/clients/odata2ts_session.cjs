// What a client that odata2ts (npm) generated from $metadata does with the service. Prints one JSON line.
const path = require('path');
const { FetchClient } = require('@odata2ts/http-client-fetch');

(async () => {
  const [folder, root, token] = process.argv.slice(2);
  const { ApiService } = require(path.join(folder, 'ApiService.js'));
  const client = new FetchClient({ headers: { 'x-cdata-authtoken': token } });
  const service = new ApiService(client, root);
  const ids = (answer) => answer.data.value.map((row) => row.id);
  const answer = {};
  answer.filtered = ids(await service.products().query((builder, q) => builder.filter(q.price.gt(28)).orderBy(q.id.desc()).select('id')));
  answer.counted = (await service.products().query((builder) => builder.count().top(1))).data['@odata.count'];
  answer.text = (await service.codes('注/文 100%&+#?').query()).data.label;
  answer.composite = (await service.items({ order_id: 7, line: 3 }).query()).data.note;
  answer.created = (await service.products().create({ id: 400, name: 'by odata2ts', price: 1.5, active: true })).data.id;
  await service.products(400).patch({ price: 2.5 });
  answer.patched = (await service.products(400).query()).data.price;
  await service.products(400).delete();
  answer.left = (await service.products().query((builder) => builder.count().top(0))).data['@odata.count'];
  console.log(JSON.stringify(answer));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
