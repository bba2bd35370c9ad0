// A server of Bun, as its documentation has it: see src/lib.rs for what every server here does.
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request, server) {
    const inRoom = new URL(request.url).pathname === "/broadcast";
    if (!server.upgrade(request, { data: { inRoom } })) return new Response(null, { status: 400 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 0,
    open(socket) {
      if (socket.data.inRoom) socket.subscribe("room");
    },
    message(socket, message) {
      if (socket.data.inRoom) server.publish("room", message);
      else socket.send(message);
    },
  },
});
console.log(`listening on ws://127.0.0.1:${server.port}`);
