// A server of Bun, as its documentation has it: see src/lib.rs for what every server here does.
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    const data = { inRoom: pathname === "/broadcast", compresses: pathname === "/compressed" };
    if (!server.upgrade(request, { data })) return new Response(null, { status: 400 });
  },
  websocket: {
    // Nothing is agreed on with a client that does not offer it.
    perMessageDeflate: { compress: "shared", decompress: "shared" },
    idleTimeout: 0,
    open(socket) {
      if (socket.data.inRoom) socket.subscribe("room");
    },
    message(socket, message) {
      if (socket.data.inRoom) server.publish("room", message);
      else socket.send(message, socket.data.compresses);
    },
  },
});
console.log(`listening on ws://127.0.0.1:${server.port}`);
