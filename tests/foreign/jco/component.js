// A service worker as the web has them: nothing in it is of wasket or of WASI.
addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/echo" && request.method === "POST") {
    const body = await request.text();
    return new Response(`${request.headers.get("content-type")}: ${body}`, { status: 201 });
  }
  if (pathname === "/hello") {
    return new Response(`Hello, ${searchParams.get("name") ?? "world"}`, {
      headers: { "x-made-by": "javascript" },
    });
  }
  if (pathname === "/fetch") {
    return new Response(await fetched(searchParams.get("url"), Number(searchParams.get("count"))));
  }
  return new Response("nothing is here", { status: 404 });
}

// Nothing is given back but by the collector of garbage, which need not come.
async function fetched(url, count) {
  let whole = 0;
  for (let n = 0; n < count; n++) {
    const answer = await fetch(url);
    if (answer.headers.get("x-made-by") === "javascript" && (await answer.text()) === "Hello, world") whole++;
  }
  return `${whole} of ${count} are whole`;
}
