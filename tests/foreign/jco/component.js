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
  return new Response("nothing is here", { status: 404 });
}
